using MemProc.Interop;

namespace MemProc;

/// <summary>A page flag that the kernel reports or that is derived, with its meaning.</summary>
public sealed class PageFlagDescription
{
    private readonly KernelPageFlag _flag;

    /// <summary>Describes a flag.</summary>
    public PageFlagDescription(KernelPageFlag flag) => _flag = flag;

    /// <summary>Number of the bit.</summary>
    public int Bit => _flag.Bit;

    /// <summary>The bit as a mask.</summary>
    public ulong Mask => _flag.Mask;

    /// <summary><see cref="Mask"/> in hex.</summary>
    public string MaskHex => HexText.Of(Mask);

    /// <summary>The name, as page-types spells it.</summary>
    public string Name => _flag.Name;

    /// <summary>The letter of page-types; empty where it has none. Letters are not unique.</summary>
    public string Letter => _flag.Letter == '\0' ? string.Empty : _flag.Letter.ToString();

    /// <summary>Whether it is part of the kernel's interface, or shown among raw flags only.</summary>
    public PageFlagOrigin Origin => _flag.Origin;

    /// <summary>The kernel that first had it; null where it is derived from other bits.</summary>
    public string? Since => _flag.Since;

    /// <summary>What it means.</summary>
    public string Meaning => _flag.Meaning;

    /// <summary>Returns bit and name.</summary>
    public override string ToString() => $"{Bit} {Name}";
}

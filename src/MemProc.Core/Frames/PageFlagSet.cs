using MemProc.Interop;

namespace MemProc;

/// <summary>A set of page flags by its bits, without a frame.</summary>
/// <param name="flagSet">The bits, as in <c>/proc/kpageflags</c> or as page-types shows them.</param>
public sealed class PageFlagSet(ulong flagSet)
{
    private readonly KernelPageFlagSet _flags = new(flagSet);

    /// <summary>The bits.</summary>
    public ulong FlagSet => _flags.Raw;

    /// <summary><see cref="FlagSet"/> in hex.</summary>
    public string FlagSetHex => HexText.Of(FlagSet);

    /// <summary>The flags in the letters of page-types.</summary>
    public string Symbol => _flags.Symbol;

    /// <summary>Names of the flags, lowest bit first; a bit without a name by number (<c>bit27</c>).</summary>
    public OutputList<string> Flags => _flags.Names;

    /// <summary>Returns the flags by name.</summary>
    public override string ToString() => string.Join(',', Flags);
}

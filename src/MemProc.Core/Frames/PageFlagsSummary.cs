using MemProc.Interop;

namespace MemProc;

/// <summary>The number of pages that have one set of flags.</summary>
public sealed class PageFlagsSummary
{
    private readonly KernelPageFlagSet _shown;

    internal PageFlagsSummary(ulong shown, bool isSwapped, ulong pageCount)
    {
        _shown = new(shown);
        IsSwapped = isSwapped;
        PageCount = pageCount;
    }

    /// <summary>The set of flags as bits, as it is shown.</summary>
    public ulong FlagSet => _shown.Raw;

    /// <summary><see cref="FlagSet"/> in hex.</summary>
    public string FlagSetHex => HexText.Of(FlagSet);

    /// <summary>The pages are in swap: they have no frame, and so no flags of one.</summary>
    public bool IsSwapped { get; }

    /// <summary>Number of pages.</summary>
    public ulong PageCount { get; }

    /// <summary>Their size in bytes.</summary>
    public ulong SizeBytes => PageCount * MachinePage.SizeBytes;

    /// <summary>The flags in the letters of page-types.</summary>
    public string Symbol => _shown.Symbol;

    /// <summary>Names of the flags, lowest bit first.</summary>
    public OutputList<string> Flags => _shown.Names;

    /// <summary>Returns size and flags.</summary>
    public override string ToString() => $"{HumanSize.Format(SizeBytes)} {string.Join(',', Flags)}";
}

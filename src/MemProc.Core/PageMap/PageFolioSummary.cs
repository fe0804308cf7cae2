namespace MemProc;

/// <summary>What a folio holds. No value is 0, which scripts treat as false.</summary>
public enum FolioKind
{
    /// <summary>Private anonymous memory.</summary>
    Anonymous = 1,
    /// <summary>Pages of files.</summary>
    File,
    /// <summary>Shared memory and files in memory (tmpfs).</summary>
    SharedMemory,
    /// <summary>Pages of hugetlbfs.</summary>
    HugePages,
    /// <summary>The zero page, or the huge zero page: memory that was read and never written.</summary>
    ZeroPage,
    /// <summary>Memory of the kernel and of devices.</summary>
    Other,
}

/// <summary>How a process maps a folio. No value is 0, which scripts treat as false.</summary>
public enum FolioMapping
{
    /// <summary>By one entry for all pages: of a page middle directory (PMD), or a larger one.</summary>
    Pmd = 1,
    /// <summary>By an entry for each page, at an address that is a multiple of the folio's size.</summary>
    Aligned,
    /// <summary>By an entry for each page, at another address.</summary>
    Unaligned,
    /// <summary>Only in part.</summary>
    Partial,
    /// <summary>Completely and aligned; whether by one entry is unknown, as before Linux 6.7.</summary>
    PmdOrAligned,
}

/// <summary>The memory of a process, or of one of its mappings, in folios of one size that are mapped in one way.</summary>
public sealed class PageFolioSummary : ProcessOutput
{
    private readonly ProcMap? _map;

    internal PageFolioSummary(
        ProcessIdentity process, ProcMap? map, FolioKind kind, ulong folioPages, FolioMapping mapping, FolioSum sum)
    {
        Process = process;
        _map = map;
        Kind = kind;
        FolioSizeBytes = folioPages * MachinePage.SizeBytes;
        Mapping = mapping;
        FolioCount = sum.Folios;
        PageCount = sum.Pages;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>First address of the mapping; null where the folios of all mappings were added up.</summary>
    public ulong? Start => _map?.Start;

    /// <summary><see cref="Start"/> in hex.</summary>
    public string? StartHex => HexText.Of(Start);

    /// <summary>First address after the mapping; null like <see cref="Start"/>.</summary>
    public ulong? End => _map?.End;

    /// <summary><see cref="End"/> in hex.</summary>
    public string? EndHex => HexText.Of(End);

    /// <summary>Path or name of the mapping; null like <see cref="Start"/>.</summary>
    public string? Path => _map?.Path;

    /// <summary>What the folios hold.</summary>
    public FolioKind Kind { get; }

    /// <summary>Size of each folio: a power of two of pages, or one page. Of a part, the size of the whole folio.</summary>
    public ulong FolioSizeBytes { get; }

    /// <summary>How the process maps them.</summary>
    public FolioMapping Mapping { get; }

    /// <summary>Number of folios; of partly mapped ones, the number of parts.</summary>
    public ulong FolioCount { get; }

    /// <summary>Number of pages that the process maps.</summary>
    public ulong PageCount { get; }

    /// <summary>Bytes that the process maps.</summary>
    public ulong SizeBytes => PageCount * MachinePage.SizeBytes;

    /// <summary>Returns kind and sizes.</summary>
    public override string ToString() => $"{Kind} {HumanSize.Format(FolioSizeBytes)}: {HumanSize.Format(SizeBytes)}";
}

/// <summary>Numbers of folios and of their mapped pages.</summary>
internal readonly record struct FolioSum(ulong Folios, ulong Pages);

using MemProc.Interop;

namespace MemProc;

/// <summary>What changed about a page between two moments.</summary>
[Flags]
public enum PageChangeKind
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>It is in memory, and was not.</summary>
    BecamePresent = 1,
    /// <summary>It was in memory or in swap, and is not.</summary>
    Dropped = 2,
    /// <summary>It was in memory, and is in swap.</summary>
    SwappedOut = 4,
    /// <summary>A page of a file, or one that was shared, was replaced by a private copy.</summary>
    CopiedOnWrite = 8,
    /// <summary>Another frame holds it, or another slot in swap: it was moved, or dropped and filled again.</summary>
    OtherFrame = 16,
    /// <summary>A larger page-table entry maps it now.</summary>
    BecameHuge = 32,
    /// <summary>A larger page-table entry mapped it before.</summary>
    Split = 64,
    /// <summary>Its soft-dirty bit changed.</summary>
    SoftDirty = 128,
    /// <summary>Its userfaultfd write protection changed.</summary>
    WriteProtection = 256,
    /// <summary>A guard region was set or removed.</summary>
    Guard = 512,
    /// <summary>Whether other processes map it too has changed.</summary>
    Sharing = 1024,
}

/// <summary>Consecutive pages that changed alike.</summary>
public sealed class PageChange : ProcessOutput
{
    private readonly ProcMap _map;
    private readonly RawPageMapEntry _previous;
    private readonly RawPageMapEntry _current;

    internal PageChange(
        ProcessIdentity process, ProcMap map, ulong address, ulong pageCount, PageChangeKind change, RawPageMapEntry previous, RawPageMapEntry current)
    {
        Process = process;
        _map = map;
        Address = address;
        PageCount = pageCount;
        Change = change;
        _previous = previous;
        _current = current;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>Address of the first page.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Length in bytes.</summary>
    public ulong Length => PageCount * MachinePage.SizeBytes;

    /// <summary>Number of pages.</summary>
    public ulong PageCount { get; }

    /// <summary>What changed.</summary>
    public PageChangeKind Change { get; }

    /// <summary>The state of the first page before, in words.</summary>
    public string PreviousState => StateOf(_previous);

    /// <summary>The state of the first page after, in words.</summary>
    public string State => StateOf(_current);

    /// <summary>The frame of the first page before; null where there was none, or the kernel hid it.</summary>
    public ulong? PreviousPfn => PfnOf(_previous);

    /// <summary><see cref="PreviousPfn"/> in hex.</summary>
    public string? PreviousPfnHex => HexText.Of(PreviousPfn);

    /// <summary>The frame of the first page after; null where there is none, or the kernel hid it.</summary>
    public ulong? Pfn => PfnOf(_current);

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string? PfnHex => HexText.Of(Pfn);

    /// <summary>Path or name of the mapping.</summary>
    public string Path => _map.Path;

    /// <summary>Formats the change as a line.</summary>
    public override string ToString() => $"0x{Address:x} {HumanSize.Format(Length)} {Change}: {PreviousState} -> {State}";

    /// <summary>Returns the change with one more page.</summary>
    internal PageChange Extended() => new(Process, _map, Address, PageCount + 1, Change, _previous, _current);

    private static string StateOf(RawPageMapEntry entry) => entry.IsPopulated ? entry.Describe() : "empty";

    private static ulong? PfnOf(RawPageMapEntry entry) => entry is { IsPresent: true, IsPfnHidden: false } ? entry.Pfn : null;
}

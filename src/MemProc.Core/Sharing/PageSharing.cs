namespace MemProc;

/// <summary>The pages of one mapping in memory, and the processes that map them too.</summary>
public sealed class PageSharing : ProcessOutput
{
    private readonly ProcMap _map;

    internal PageSharing(
        ProcMap map, ulong presentPages, ulong privatePages, ulong? unseenPages, double pssPages, PageSharer[] sharedWith)
    {
        _map = map;
        PresentPages = presentPages;
        PrivatePages = privatePages;
        UnseenSharedPages = unseenPages;
        PssBytes = (ulong)Math.Round(pssPages * MachinePage.SizeBytes);
        SharedWith = sharedWith;
    }

    internal override ProcessIdentity Process => _map.Process;

    /// <summary>First address of the mapping.</summary>
    public ulong Start => _map.Start;

    /// <summary><see cref="Start"/> in hex.</summary>
    public string StartHex => HexText.Of(Start);

    /// <summary>First address after the mapping.</summary>
    public ulong End => _map.End;

    /// <summary><see cref="End"/> in hex.</summary>
    public string EndHex => HexText.Of(End);

    /// <summary>Size of the mapping in bytes.</summary>
    public ulong SizeBytes => _map.SizeBytes;

    /// <summary>Permissions of the mapping: <c>r-xp</c>.</summary>
    public string Permissions => _map.Permissions;

    /// <summary>Path or name of the mapping.</summary>
    public string Path => _map.Path;

    /// <summary>Pages in memory.</summary>
    public ulong PresentPages { get; }

    /// <summary>Pages in memory that no other process maps.</summary>
    public ulong PrivatePages { get; }

    /// <summary>Pages in memory that other processes map too.</summary>
    public ulong SharedPages => PresentPages - PrivatePages;

    /// <summary>
    /// Those of the shared pages that are mapped more often than the processes that were read map them: a process that is
    /// hidden, in another pid namespace, or was not selected maps them too. null where the map counts cannot be read.
    /// </summary>
    public ulong? UnseenSharedPages { get; }

    /// <summary>Bytes in memory that no other process maps.</summary>
    public ulong UssBytes => PrivatePages * MachinePage.SizeBytes;

    /// <summary>Bytes in memory, each page divided by the number of times it is mapped.</summary>
    public ulong PssBytes { get; }

    /// <summary>The other processes that were read, most shared pages first.</summary>
    public OutputList<PageSharer> SharedWith { get; }

    /// <summary>Returns the mapping and its sharing.</summary>
    public override string ToString() => $"{_map.Label} at 0x{Start:x}: {PrivatePages} of {PresentPages} pages private";
}

/// <summary>A process that maps pages of another process' mapping.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="ProcessName">The process' name.</param>
/// <param name="PageCount">Number of the mapping's pages that it maps too.</param>
public sealed record PageSharer(int ProcessId, string ProcessName, ulong PageCount)
{
    /// <summary>The same pages in bytes.</summary>
    public ulong SizeBytes => PageCount * MachinePage.SizeBytes;

    /// <summary>Returns process and pages in words, safe to print.</summary>
    public override string ToString() => $"{ProcessId} ({SafeText.Escape(ProcessName)}): {PageCount}";
}

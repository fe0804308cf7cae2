namespace MemProc;

/// <summary>
/// What the addresses of one section of a mapping have in common, so that each of them is small: there can be millions.
/// </summary>
/// <param name="map">The mapping.</param>
/// <param name="loaded">The file; null where none is mapped.</param>
/// <param name="section">Its ELF section; null where there is none.</param>
/// <param name="threadId">The thread whose stack the mapping is; null where it is none.</param>
/// <param name="hasPages">The page table was read.</param>
/// <param name="pageTables">The geometry of the machine's page tables.</param>
internal sealed class ResolvedPlace(
    ProcMap map, LoadedModule? loaded, ElfSection? section, int? threadId, bool hasPages, PageTableGeometry pageTables)
{
    /// <summary>The mapping.</summary>
    public ProcMap Map { get; } = map;

    /// <summary>The file; null where none is mapped.</summary>
    public LoadedModule? Loaded { get; } = loaded;

    /// <summary>Another file has its path by now. Asked for at once: it can be told only while the process is open.</summary>
    public bool IsReplaced { get; } = loaded?.Module.IsReplaced == true;

    /// <summary>The ELF section; null where there is none.</summary>
    public string? Section { get; } = section?.Name;

    /// <summary>The thread whose stack the mapping is; null where it is none.</summary>
    public int? ThreadId { get; } = threadId;

    /// <summary>The page table was read.</summary>
    public bool HasPages { get; } = hasPages;

    /// <summary>The geometry of the machine's page tables.</summary>
    public PageTableGeometry PageTables { get; } = pageTables;
}

namespace MemProc;

/// <summary>A level of the page table, from the root down; not every machine has all of them.</summary>
public enum PageTableLevel
{
    /// <summary>Page table entries: one each page.</summary>
    PTE = 1,
    /// <summary>Page middle directory.</summary>
    PMD = 2,
    /// <summary>Page upper directory.</summary>
    PUD = 3,
    /// <summary>The level between PUD and PGD, with five levels only.</summary>
    P4D = 4,
    /// <summary>Page global directory: the root.</summary>
    PGD = 5,
}

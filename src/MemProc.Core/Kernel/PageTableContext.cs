namespace MemProc;

/// <summary>What all entries of a process' page table have in common.</summary>
/// <param name="Identity">Which process it is.</param>
/// <param name="Format">How its tables are laid out.</param>
internal sealed record PageTableContext(ProcessIdentity Identity, PageTableFormat Format);

namespace MemProc;

/// <summary>What the bits of a page table's entry can say, whatever a processor calls them.</summary>
internal enum PageTableTrait
{
    Writable,
    User,
    Accessed,
    Dirty,
    Global,
    NoExecute,
    SoftDirty,
    WriteProtected,
}

namespace MemProc;

/// <summary>One entry on the way from the root of a page table to a page.</summary>
/// <param name="Level">The level of its table, 1 for the last one.</param>
/// <param name="TableAddress">The kernel's address of its table.</param>
/// <param name="Entry">Its bits.</param>
internal readonly record struct PageTableStep(int Level, ulong TableAddress, ulong Entry);

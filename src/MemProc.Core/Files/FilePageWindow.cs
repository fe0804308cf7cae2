namespace MemProc;

/// <summary>What is known of some neighbouring pages of a file. The memory is used again for the next ones.</summary>
/// <param name="FirstPage">Index of the first page.</param>
/// <param name="Residency">A byte a page: 1 where it is in memory.</param>
/// <param name="Words">A word of pagemap a page, where frames were asked for; 0 where the page is in no frame.</param>
internal readonly record struct FilePageWindow(
    ulong FirstPage, ReadOnlyMemory<byte> Residency, ReadOnlyMemory<ulong> Words);

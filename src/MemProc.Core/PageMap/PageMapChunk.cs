using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Pages of a mapping that were read together. An entry holds only a reference to them and its index: there can be
/// millions of entries.
/// </summary>
/// <param name="map">The mapping.</param>
/// <param name="pageSizeBytes">Bytes that one page-table entry maps where a page is present; null: unknown.</param>
/// <param name="address">Address of the first page.</param>
/// <param name="entries">The pagemap entries of the selected pages.</param>
/// <param name="pages">The number of each page after the first one; null: its index.</param>
/// <param name="frames">What the frame tables say of each page; null where they were not read.</param>
/// <param name="unknownBits">The bits of an entry that the kernel does not report.</param>
/// <param name="pageCount">Number of pages of each entry.</param>
/// <param name="nodes">The NUMA node of each page, or a negative error number; null where they were not read.</param>
internal sealed class PageMapChunk(
    ProcMap map, ulong? pageSizeBytes, ulong address, ulong[] entries, int[]? pages, PageFlags?[]? frames,
    ulong unknownBits, ulong pageCount = 1, int[]? nodes = null)
{
    /// <summary>The mapping.</summary>
    public ProcMap Map { get; } = map;

    /// <summary>Bytes that one page-table entry maps where a page is present; null: unknown.</summary>
    public ulong? PageSizeBytes { get; } = pageSizeBytes;

    /// <summary>The bits of an entry that the kernel does not report.</summary>
    public ulong UnknownBits { get; } = unknownBits;

    /// <summary>Number of pages of each entry.</summary>
    public ulong PageCount { get; } = pageCount;

    /// <summary>Number of entries.</summary>
    public int Count => entries.Length;

    /// <summary>Returns the address of an entry.</summary>
    public ulong AddressAt(int index) => address + (ulong)(pages?[index] ?? index) * MachinePage.SizeBytes;

    /// <summary>Returns the pagemap entry of an entry.</summary>
    public RawPageMapEntry EntryAt(int index) => new(entries[index]);

    /// <summary>Returns what the frame tables say; null where they were not read, or there is no frame.</summary>
    public PageFlags? FrameAt(int index) => frames?[index];

    /// <summary>Returns the NUMA node, or a negative error number; null where it was not read.</summary>
    public int? NodeAt(int index) => nodes?[index];

    /// <summary>Returns an entry alone, as the first of a run.</summary>
    public PageMapChunk Run(int index, ulong count) => new(Map, PageSizeBytes, AddressAt(index), [entries[index]], null,
        frames is null ? null : [frames[index]], UnknownBits, count, nodes is null ? null : [nodes[index]]);
}

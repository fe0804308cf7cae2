namespace MemProc;

/// <summary>
/// What entries of one stretch of pages have in common, so that each of them is small: there can be millions.
/// </summary>
/// <param name="map">The mapping.</param>
/// <param name="pageSizeBytes">
/// Bytes that one entry of the page table maps where a page is present; null: not known.
/// </param>
/// <param name="frame">What the frame's tables say; null where they were not asked, or there is no frame.</param>
/// <param name="pageCount">Number of pages of an entry.</param>
internal sealed class PageMapContext(ProcMap map, ulong? pageSizeBytes, PageFlags? frame = null, ulong pageCount = 1)
{
    /// <summary>The mapping.</summary>
    public ProcMap Map { get; } = map;

    /// <summary>Bytes that one entry of the page table maps where a page is present; null: not known.</summary>
    public ulong? PageSizeBytes { get; } = pageSizeBytes;

    /// <summary>What the frame's tables say; null where they were not asked, or there is no frame.</summary>
    public PageFlags? Frame { get; } = frame;

    /// <summary>Number of pages of an entry.</summary>
    public ulong PageCount { get; } = pageCount;

    /// <summary>The same for a page in a frame.</summary>
    public PageMapContext With(PageFlags? frame) => frame is null ? this : new(Map, PageSizeBytes, frame, PageCount);

    /// <summary>The same for a run.</summary>
    public PageMapContext With(ulong pageCount) => new(Map, PageSizeBytes, Frame, pageCount);
}

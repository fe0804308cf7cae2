using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Pages of a mapping that were read together. An entry is no more than its place among them, so that each is small:
/// there can be millions.
/// </summary>
/// <param name="map">The mapping.</param>
/// <param name="pageSizeBytes">
/// Bytes that one entry of the page table maps where a page is present; null: not known.
/// </param>
/// <param name="address">Address of the first page.</param>
/// <param name="words">The words of the wanted pages.</param>
/// <param name="pages">How many pages each is behind the first one; null: as many as its place says.</param>
/// <param name="frames">What the frames' tables say of each; null where they were not asked.</param>
/// <param name="pageCount">Number of pages of each entry.</param>
internal sealed class PageMapPiece(
    ProcMap map, ulong? pageSizeBytes, ulong address, ulong[] words, int[]? pages, PageFlags?[]? frames,
    ulong pageCount = 1)
{
    /// <summary>The mapping.</summary>
    public ProcMap Map { get; } = map;

    /// <summary>Bytes that one entry of the page table maps where a page is present; null: not known.</summary>
    public ulong? PageSizeBytes { get; } = pageSizeBytes;

    /// <summary>Number of pages of each entry.</summary>
    public ulong PageCount { get; } = pageCount;

    /// <summary>Number of entries.</summary>
    public int Count => words.Length;

    /// <summary>The address of an entry.</summary>
    public ulong AddressAt(int place) => address + (ulong)(pages?[place] ?? place) * MachinePage.SizeBytes;

    /// <summary>The word of an entry.</summary>
    public PageMapWord WordAt(int place) => new(words[place]);

    /// <summary>What the frames' tables say of an entry; null where they were not asked, or there is no frame.</summary>
    public PageFlags? FrameAt(int place) => frames?[place];

    /// <summary>An entry alone, as the first of a run.</summary>
    public PageMapPiece Run(int place, ulong count) => new(
        Map, PageSizeBytes, AddressAt(place), [words[place]], null, frames is null ? null : [frames[place]], count);
}

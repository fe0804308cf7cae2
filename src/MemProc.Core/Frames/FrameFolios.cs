using MemProc.Interop;

namespace MemProc;

/// <summary>Finds the folios that frames are part of, by their flags.</summary>
/// <param name="tables">The frame tables.</param>
internal sealed class FrameFolios(FrameTables tables)
{
    /// <summary>The largest folio has 2^18 frames: a huge page of 1 GiB with pages of 4 KiB.</summary>
    private const int MaxOrder = 18;

    /// <summary>Returns the folios of frames.</summary>
    /// <param name="pfns">Frame numbers in any order, at most <see cref="FrameTables.BatchFrames"/>.</param>
    /// <returns>A result for each frame; null where the machine has no such frame, as with device memory.</returns>
    /// <exception cref="MemProcException">ReadPageFlags: the table cannot be read.</exception>
    public FrameFolio?[] Find(ReadOnlySpan<ulong> pfns)
    {
        ulong[] sorted = pfns.ToArray();
        int[] order = [.. Enumerable.Range(0, sorted.Length)];
        Array.Sort(sorted, order);
        ulong[] words = new ulong[sorted.Length];
        int known = tables.ReadFlags(sorted, words);
        FrameFolio?[] folios = new FrameFolio?[sorted.Length];
        FrameFolio folio = default;
        for (int index = 0; index < known; index++)
        {
            KernelPageFlagSet word = new(words[index]);
            if (!word.IsCompoundTail)
            {
                folio = new FrameFolio(sorted[index], word.IsOnLru);
            }
            else if (index == 0 || sorted[index] - sorted[index - 1] > 1)
            {
                // A tail directly after a frame is of the same folio. The head of any other tail has to be found.
                folio = FindHead(sorted[index]);
            }

            folios[order[index]] = folio;
        }

        return folios;
    }

    /// <summary>
    /// Returns the folio of a tail. Folios are aligned to their size: of the frames below it, with growing alignment, the
    /// first that is not a tail is the head.
    /// </summary>
    private FrameFolio FindHead(ulong tail)
    {
        Span<ulong> candidates = stackalloc ulong[MaxOrder];
        Span<ulong> words = stackalloc ulong[MaxOrder];
        for (int order = 1; order <= MaxOrder; order++)
        {
            candidates[MaxOrder - order] = tail & ~((1UL << order) - 1);
        }

        for (int index = tables.ReadFlags(candidates, words) - 1; index >= 0; index--)
        {
            if (new KernelPageFlagSet(words[index]) is { IsCompoundTail: false } head)
            {
                return new FrameFolio(candidates[index], head.IsOnLru);
            }
        }

        // The folio was split meanwhile.
        return new FrameFolio(tail, IsOnLru: false);
    }
}

/// <summary>
/// The folio that a frame is part of. The kernel ages, reclaims and marks memory by folios, each of one frame or of a
/// power of two of frames, and keeps their state with the first frame.
/// </summary>
/// <param name="HeadPfn">The folio's first frame.</param>
/// <param name="IsOnLru">Whether it is on an LRU list, as all memory that the kernel can age.</param>
internal readonly record struct FrameFolio(ulong HeadPfn, bool IsOnLru);

using System.Buffers;

namespace MemProc;

/// <summary>Words of a process' pagemap, out of their places, for work where only the words count.</summary>
/// <param name="Words">Rented from the shared pool: whoever takes the batch gives them back.</param>
/// <param name="Count">How many of the words are filled in.</param>
/// <param name="IsHuge">As for <see cref="PageMapStretch"/>.</param>
internal readonly record struct PageMapBatch(ulong[] Words, int Count, bool? IsHuge);

/// <summary>
/// Collects what is populated into batches of equal size, that several threads can work on while the next one is read.
/// </summary>
/// <param name="reader">Reads the pagemap.</param>
internal sealed class PageMapBatches(PageMapReader reader)
{
    /// <summary>
    /// Words in a batch, 256 KiB of them: some milliseconds of work, and many of their frames are neighbours.
    /// </summary>
    public const int BatchPages = 32 * 1024;

    /// <summary>The batches of a process' pages; they can hold words of empty pages too.</summary>
    /// <param name="maps">The mappings.</param>
    /// <param name="start">Pages from this address on, page-aligned.</param>
    /// <param name="end">Pages below this address, page-aligned.</param>
    /// <exception cref="MemProcException">ReadMaps or ReadPageMap failed.</exception>
    public IEnumerable<PageMapBatch> In(IEnumerable<ProcMap> maps, ulong start, ulong end)
    {
        PageMapBatch batch = Empty(isHuge: null);
        foreach (ProcMap map in maps.Where(map => map.Start < end && map.Kind != ProcMapKind.Vsyscall))
        {
            foreach (PageMapStretch stretch in reader.ReadPopulated(Math.Max(map.Start, start), Math.Min(map.End, end)))
            {
                for (int done = 0; done < stretch.Words.Length;)
                {
                    if (batch.Count == BatchPages || batch.IsHuge != stretch.IsHuge)
                    {
                        yield return batch;
                        batch = Empty(stretch.IsHuge);
                    }

                    int count = Math.Min(stretch.Words.Length - done, BatchPages - batch.Count);
                    stretch.Words.Span.Slice(done, count).CopyTo(batch.Words.AsSpan(batch.Count));
                    batch = batch with { Count = batch.Count + count };
                    done += count;
                }
            }
        }

        yield return batch;
    }

    private static PageMapBatch Empty(bool? isHuge) => new(ArrayPool<ulong>.Shared.Rent(BatchPages), 0, isHuge);
}

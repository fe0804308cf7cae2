using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds the memory of a process that its page table maps now. Reading that memory faults no page in, so the process
/// stays as it is; pages that are swapped out, untouched or only in the page cache are left out. Of a core it is what the
/// file stores: pages of zeros can be holes of the file.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the walk.</param>
public sealed class ResidentMemory(MemoryTarget process, CancellationToken cancellation = default)
{
    /// <summary>
    /// Returns the ranges in memory, in address order and as large as possible: they continue across mappings.
    /// </summary>
    /// <param name="start">First address; its whole page counts.</param>
    /// <param name="end">First address after the range; the last byte's whole page counts.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap: EACCES without ptrace access; ESRCH where the process exits meanwhile.
    /// </exception>
    public IEnumerable<AddressRange> Ranges(ulong start, ulong end) => process switch
    {
        LinuxProcess live => OfPageTable(live, start, end),
        CoreFile core => core.Memory.StoredRanges(start, end),
        _ => throw new NotSupportedException(),
    };

    private IEnumerable<AddressRange> OfPageTable(LinuxProcess live, ulong start, ulong end)
    {
        AddressRange open = default;
        foreach ((_, PageMapRange pages) in new PopulatedPages(live, cancellation).In(new AddressRange(start, end)))
        {
            for (int index = 0; NextRun(pages, ref index) is AddressRange run;)
            {
                if (run.Start == open.End)
                {
                    open = open with { End = run.End };
                    continue;
                }

                if (open.End > 0)
                {
                    yield return open;
                }

                open = run;
            }
        }

        if (open.End > 0)
        {
            yield return open;
        }
    }

    private static AddressRange? NextRun(PageMapRange pages, ref int index)
    {
        ReadOnlySpan<ulong> entries = pages.Entries.Span;
        while (index < entries.Length && !new RawPageMapEntry(entries[index]).IsPresent)
        {
            index++;
        }

        int first = index;
        while (index < entries.Length && new RawPageMapEntry(entries[index]).IsPresent)
        {
            index++;
        }

        return index == first
            ? null
            : new AddressRange(pages.Address + (ulong)first * MachinePage.SizeBytes,
                pages.Address + (ulong)index * MachinePage.SizeBytes);
    }
}

using MemProc.Interop;

namespace MemProc.Bench;

/// <summary>Counting the present pages of a range, through Core and without an object a page.</summary>
internal static class PresentPages
{
    /// <summary>The contender. Each time it opens the process anew, as the C programs do.</summary>
    /// <param name="repeats">How many times by the clock.</param>
    /// <param name="processId">The process.</param>
    /// <param name="start">First address.</param>
    /// <param name="end">First address after the range.</param>
    public static InProcessCandidate Core(int repeats, int processId, ulong start, ulong end) =>
        new("MemProc.Core, PageMapReader", repeats, () => $"{Count(processId, start, end)}");

    private static ulong Count(int processId, ulong start, ulong end)
    {
        ulong present = 0;
        using LinuxProcess process = LinuxProcess.Open(processId);
        foreach (PageMapRange range in new PageMapReader(process).ReadPopulated(start, end))
        {
            foreach (ulong word in range.Entries.Span)
            {
                present += new RawPageMapEntry(word).IsPresent ? 1UL : 0;
            }
        }

        return present;
    }
}

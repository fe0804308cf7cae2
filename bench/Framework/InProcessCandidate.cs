using System.Diagnostics;

namespace MemProc.Bench;

/// <summary>Core, called by the bench itself: what the work takes where no start-up drowns it.</summary>
/// <param name="name">What the table calls it.</param>
/// <param name="repeats">How many times the work is done by the clock.</param>
/// <param name="work">The work; it returns its answer.</param>
internal sealed class InProcessCandidate(string name, int repeats, Func<string> work) : Candidate(name)
{
    /// <summary>Bytes that the work allocated the last time, each time it was done.</summary>
    public double AllocatedBytes { get; private set; }

    /// <inheritdoc/>
    public override Sample Measure()
    {
        // Garbage of other contenders is collected before the measurement; its own garbage counts.
        GC.Collect();
        string answer = string.Empty;
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; round < repeats; round++)
        {
            answer = work();
        }

        double elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        AllocatedBytes = (double)(GC.GetAllocatedBytesForCurrentThread() - allocated) / repeats;
        return new Sample(elapsed / repeats, answer);
    }
}

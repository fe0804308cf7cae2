using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>What one damaged input may cost at most.</summary>
internal static class FuzzCost
{
    private const long MaxBytes = 64 * 1024 * 1024;
    private static readonly TimeSpan MaxTime = TimeSpan.FromMilliseconds(100);

    /// <summary>Reads an input, and checks the time and the memory.</summary>
    public static void Check(Action read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        TimeSpan time = Measure(read);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxBytes);
        // A pause of the machine is not caused by the input, and does not come each time.
        for (int again = 0; again < 5 && time > MaxTime; again++)
        {
            TimeSpan next = Measure(read);
            time = next < time ? next : time;
        }

        Assert.True(time <= MaxTime, $"an input took {time.TotalMilliseconds} ms");
    }

    private static TimeSpan Measure(Action read)
    {
        long start = Stopwatch.GetTimestamp();
        read();
        return Stopwatch.GetElapsedTime(start);
    }
}

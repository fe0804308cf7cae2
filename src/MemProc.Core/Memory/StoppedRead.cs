using MemProc.Interop;

namespace MemProc;

/// <summary>Reads of one process that are all done while it is stopped.</summary>
public static class StoppedRead
{
    /// <summary>
    /// Maximum number of bytes read while a process is stopped, since they are kept in memory until it runs again.
    /// Reads into a file are not limited.
    /// </summary>
    public const ulong MaxBytes = 1UL << 30;

    /// <summary>
    /// Runs all reads while the process is stopped. It runs again when this returns, however long the caller takes with
    /// the results.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="totalBytes">Number of bytes read that are kept in memory.</param>
    /// <param name="reads">The reads. Each runs to its end; one that fails does not stop the others.</param>
    /// <param name="cancellation">Stops the reads; the process runs on.</param>
    /// <returns>For each read its results, or why it failed.</returns>
    /// <exception cref="MemProcException">
    /// ReadMemory, EINVAL: more than <see cref="MaxBytes"/>. StopProcess: the process cannot be stopped.
    /// </exception>
    public static IReadOnlyList<(IEnumerable<T> Answers, MemProcException? Failure)> Run<T>(
        LinuxProcess process, UInt128 totalBytes, IEnumerable<Func<IEnumerable<T>>> reads,
        CancellationToken cancellation)
    {
        if (totalBytes > MaxBytes)
        {
            string size = totalBytes > ulong.MaxValue ? "the range" : HumanSize.Format((ulong)totalBytes);
            throw new MemProcException(Operation.ReadMemory, Errno.EINVAL,
                $"Process {process.Identity}: {size} exceeds {HumanSize.Format(MaxBytes)}, the maximum that is read while a process "
                + "is stopped and kept in memory until it runs again. Read it into a file, or read less.", process.Id);
        }

        List<(IEnumerable<T>, MemProcException?)> results = [];
        using ProcessStop stop = ProcessStop.Begin(process, cancellation);
        foreach (Func<IEnumerable<T>> read in reads)
        {
            try
            {
                results.Add((read(), null));
            }
            catch (MemProcException error)
            {
                results.Add(([], error));
            }
        }

        return results;
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>Reads of one process that belong together: all are done while it is held still.</summary>
public static class HeldRead
{
    /// <summary>
    /// The most that is read while a process is held, in bytes: it is kept until the process runs again. What goes to a
    /// file is not kept, and has no such limit.
    /// </summary>
    public const ulong Most = 1UL << 30;

    /// <summary>
    /// Does all reads while the process is held. When this returns, it runs again: whoever gets the answers may take his
    /// time.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="totalBytes">How much is read, as far as it is kept.</param>
    /// <param name="reads">The reads. Each is done to its end; one that fails does not stop the others.</param>
    /// <param name="cancellation">Stops the reading; the process runs on.</param>
    /// <returns>For each read its answers, or why it failed.</returns>
    /// <exception cref="MemProcException">
    /// ReadMemory, EINVAL: more than <see cref="Most"/>. StopProcess: the process cannot be stopped.
    /// </exception>
    public static IReadOnlyList<(IEnumerable<T> Answers, MemProcException? Failure)> Do<T>(
        LinuxProcess process, UInt128 totalBytes, IEnumerable<Func<IEnumerable<T>>> reads,
        CancellationToken cancellation)
    {
        if (totalBytes > Most)
        {
            string size = totalBytes > ulong.MaxValue ? "So much" : HumanSize.Format((ulong)totalBytes);
            throw new MemProcException(Operation.ReadMemory, Errno.EINVAL,
                $"Process {process.Identity}: {size} is more than is read while a process is stopped, "
                + $"{HumanSize.Format(Most)}, since all of it is kept until the process runs again. Read it into a file, "
                + "or less of it.", process.Id);
        }

        List<(IEnumerable<T>, MemProcException?)> results = [];
        using ProcessStop stop = ProcessStop.Hold(process, cancellation);
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

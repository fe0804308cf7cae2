using MemProc.Interop;

namespace MemProc;

/// <summary>Counts the processes that a search over all processes could not read.</summary>
public sealed class UnreadProcesses
{
    /// <summary>How many processes have memory that could not be read.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a failure. A process that has exited, and a kernel thread, map nothing and do not count.</summary>
    public void Add(MemProcException error) => Count += error.Errno == Errno.ESRCH ? 0 : 1;

    /// <summary>Returns the sentence for a warning.</summary>
    /// <param name="all">Number of processes in all.</param>
    /// <param name="consequence">What the unread processes may do, such as <c>share pages</c>.</param>
    public string Of(int all, string consequence) =>
        $"{Count} of {all} processes could not be read and may {consequence} too.";
}

using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int SchedOther = 0;
    private const int SchedBatch = 3;

    /// <summary>
    /// sched_setscheduler(2): changes the policy of this thread from SCHED_OTHER to SCHED_BATCH. It then does not preempt
    /// another thread when it is woken, and keeps its share of the processor.
    /// </summary>
    /// <returns>Whether it was changed: a thread with another policy keeps it.</returns>
    public static bool TryBeginBatch() => sched_getscheduler(0) == SchedOther && SetPolicy(SchedBatch);

    /// <summary>sched_setscheduler(2): changes the policy of this thread back to SCHED_OTHER, which needs no privilege.</summary>
    public static void EndBatch() => SetPolicy(SchedOther);

    private static bool SetPolicy(int policy)
    {
        // The one field of sched_param: both policies have no priority.
        int priority = 0;
        return sched_setscheduler(0, policy, in priority) == 0;
    }

    [LibraryImport(Library)]
    private static partial int sched_getscheduler(int threadId);

    [LibraryImport(Library)]
    private static partial int sched_setscheduler(int threadId, int policy, in int parameters);
}

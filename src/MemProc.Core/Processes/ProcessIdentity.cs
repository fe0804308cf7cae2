namespace MemProc;

/// <summary>
/// Which process it is. Process ids are used again; together with the start time an id is unique until the
/// machine restarts.
/// </summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Name">The name of its main thread (comm), at most 15 bytes, as the process chose it.</param>
/// <param name="StartTicks">Start time in clock ticks after boot, field 22 of <c>/proc/PID/stat</c>.</param>
public sealed record ProcessIdentity(int ProcessId, string Name, ulong StartTicks)
{
    /// <summary>Whether it is the same process; a process can change its name.</summary>
    internal bool IsSame(ProcessIdentity other) => ProcessId == other.ProcessId && StartTicks == other.StartTicks;

    /// <summary>Id and name for messages, safe to print: <c>1234 (bash)</c>.</summary>
    public override string ToString() => $"{ProcessId} ({SafeText.Escape(Name)})";
}

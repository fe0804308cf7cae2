namespace MemProc;

/// <summary>
/// The identity of a process. Process ids are reused; with the start time, an id is unique until the next boot.
/// </summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Name">The name of its main thread (comm), at most 15 bytes, as the process chose it.</param>
/// <param name="StartTicks">Start time in clock ticks after boot, field 22 of <c>/proc/PID/stat</c>.</param>
public sealed record ProcessIdentity(int ProcessId, string Name, ulong StartTicks)
{
    /// <summary>Whether it is the same process. The name is not compared, as a process can change it.</summary>
    internal bool IsSame(ProcessIdentity other) => ProcessId == other.ProcessId && StartTicks == other.StartTicks;

    /// <summary>Formats id and name for messages, safe for a terminal: <c>1234 (bash)</c>.</summary>
    public override string ToString() => $"{ProcessId} ({SafeText.Escape(Name)})";
}

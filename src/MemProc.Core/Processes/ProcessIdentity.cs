namespace MemProc;

/// <summary>
/// The identity of a process. Process ids are reused; with the start time, an id is unique until the next boot.
/// </summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Name">The name of its main thread (comm), at most 15 bytes, as the process chose it.</param>
/// <param name="StartTicks">Start time in clock ticks after boot, field 22 of <c>/proc/PID/stat</c>.</param>
public sealed record ProcessIdentity(int ProcessId, string Name, ulong StartTicks)
{
    /// <summary>The path of the core file that shows the process; null where it is a live process.</summary>
    public string? CorePath { get; init; }

    /// <summary>Whether it is the same process. The name is not compared, as a process can change it.</summary>
    internal bool IsSame(ProcessIdentity other) => ProcessId == other.ProcessId
        && StartTicks == other.StartTicks && CorePath == other.CorePath;

    /// <summary>
    /// Formats id and name for messages, safe for a terminal: <c>1234 (bash)</c>, <c>1234 (bash) in bash.core</c>.
    /// </summary>
    public override string ToString() => CorePath is null
        ? $"{ProcessId} ({SafeText.Escape(Name)})"
        : $"{ProcessId} ({SafeText.Escape(Name)}) in {SafeText.Escape(Path.GetFileName(CorePath))}";
}

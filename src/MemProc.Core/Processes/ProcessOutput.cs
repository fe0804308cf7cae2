using System.Text.Json.Serialization;

namespace MemProc;

/// <summary>An object about a process. Its properties have the names of the parameters that they bind to.</summary>
public abstract class ProcessOutput
{
    /// <summary>The process id.</summary>
    [JsonPropertyOrder(-3)]
    public int ProcessId => Process.ProcessId;

    /// <summary>The name of the process.</summary>
    [JsonPropertyOrder(-2)]
    public string ProcessName => Process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it identifies one process.</summary>
    [JsonPropertyOrder(-1)]
    public ulong ProcessStartTicks => Process.StartTicks;

    /// <summary>The path of the core file that it comes from; null where it comes from a live process.</summary>
    [JsonPropertyOrder(-1)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? CorePath => Process.CorePath;

    /// <summary>The process. Large outputs find it through an object that they share, and hold no reference of their own.</summary>
    internal abstract ProcessIdentity Process { get; }
}

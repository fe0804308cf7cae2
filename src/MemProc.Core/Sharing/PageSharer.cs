namespace MemProc;

/// <summary>A process that maps pages of another one's mapping.</summary>
/// <param name="ProcessId">Its id.</param>
/// <param name="ProcessName">Its name.</param>
/// <param name="PageCount">How many of the mapping's pages it maps too.</param>
public sealed record PageSharer(int ProcessId, string ProcessName, ulong PageCount)
{
    /// <summary>Process and pages in words, safe to print.</summary>
    public override string ToString() => $"{ProcessId} ({SafeText.Escape(ProcessName)}): {PageCount}";
}

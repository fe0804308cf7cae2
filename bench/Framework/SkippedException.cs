namespace MemProc.Bench;

/// <summary>A case cannot be run on this machine.</summary>
/// <param name="reason">What it lacks.</param>
internal sealed class SkippedException(string reason) : Exception(reason);

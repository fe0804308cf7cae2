namespace MemProc;

/// <summary>A match in a buffer.</summary>
/// <param name="Offset">Where in the buffer it begins.</param>
/// <param name="Length">Its bytes.</param>
internal readonly record struct FoundMatch(int Offset, int Length);

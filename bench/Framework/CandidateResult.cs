namespace MemProc.Bench;

/// <summary>What came of a contender.</summary>
/// <param name="Name">What the table calls it.</param>
/// <param name="Nanoseconds">Its times; null where it is missing.</param>
/// <param name="PeakRssBytes">The median of its peak resident sets; null where there is none.</param>
/// <param name="Missing">Why it did not take part; null where it did.</param>
internal sealed record CandidateResult(string Name, Distribution? Nanoseconds, ulong? PeakRssBytes, string? Missing);

namespace MemProc.Bench;

/// <summary>One measurement.</summary>
/// <param name="Nanoseconds">Wall time of the work, once.</param>
/// <param name="Answer">The result of the work, for comparison with the others; null if it is not known.</param>
/// <param name="PeakRssBytes">Peak resident set of a program that was run to its end; null of anything else.</param>
internal readonly record struct Sample(double Nanoseconds, string? Answer = null, ulong? PeakRssBytes = null);

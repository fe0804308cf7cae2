namespace MemProc.Bench;

/// <summary>What came of a case.</summary>
/// <param name="Name">What the command line calls it.</param>
/// <param name="Title">What the work is.</param>
/// <param name="Candidates">Who took part, or could not.</param>
/// <param name="Comparisons">Ratios of medians.</param>
/// <param name="Remarks">Figures that are no times.</param>
/// <param name="Skipped">Why it was not run at all; null where it was.</param>
/// <param name="Failed">Why it came to nothing; null where it did not.</param>
internal sealed record CaseResult(
    string Name,
    string Title,
    IReadOnlyList<CandidateResult> Candidates,
    IReadOnlyList<ComparisonResult> Comparisons,
    IReadOnlyList<string> Remarks,
    string? Skipped = null,
    string? Failed = null)
{
    /// <summary>A case without figures.</summary>
    public static CaseResult Without(Case bench, string? skipped = null, string? failed = null) =>
        new(bench.Name, bench.Title, [], [], [], skipped, failed);
}

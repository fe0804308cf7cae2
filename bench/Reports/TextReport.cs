namespace MemProc.Bench;

/// <summary>A case for the screen: who took how long, and how that compares.</summary>
internal static class TextReport
{
    private const string Row = "  {0,-46} {1,9} {2,9} {3,9} {4,9}";

    /// <summary>Writes a case.</summary>
    public static void Write(CaseResult result, TextWriter output)
    {
        output.WriteLine($"{result.Name}: {result.Title}");
        if (result.Skipped is not null || result.Failed is not null)
        {
            output.WriteLine(result.Failed is null ? $"  skipped: {result.Skipped}" : $"  failed: {result.Failed}");
            output.WriteLine();
            return;
        }

        output.WriteLine(Row, string.Empty, "min", "median", "max", "peak RSS");
        foreach (CandidateResult candidate in result.Candidates)
        {
            Write(candidate, output);
        }

        foreach (ComparisonResult comparison in result.Comparisons)
        {
            output.WriteLine($"  {comparison.Ours} ÷ {comparison.Theirs}: {ReportFormat.Ratio(comparison.Ratio)}"
                + (comparison.MaxRatio is null ? string.Empty : $", goal {ReportFormat.FormatGoal(comparison)}"));
        }

        foreach (string remark in result.Remarks)
        {
            output.WriteLine($"  {remark}");
        }

        output.WriteLine();
    }

    private static void Write(CandidateResult candidate, TextWriter output)
    {
        if (candidate.Nanoseconds is not Distribution times)
        {
            output.WriteLine($"  {candidate.Name}: skipped: {candidate.Missing}");
            return;
        }

        output.WriteLine(Row, candidate.Name, ReportFormat.Time(times.Minimum), ReportFormat.Time(times.Median),
            ReportFormat.Time(times.Maximum), candidate.PeakRssBytes is ulong peak ? HumanSize.Format(peak) : string.Empty);
    }
}

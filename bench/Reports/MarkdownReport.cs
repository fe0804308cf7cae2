namespace MemProc.Bench;

/// <summary>A whole run as Markdown, for <c>docs/performance.md</c>.</summary>
internal static class MarkdownReport
{
    /// <summary>Writes a run.</summary>
    public static void Write(IReadOnlyList<CaseResult> results, IEnumerable<string> machine, TextWriter output)
    {
        foreach (string line in machine)
        {
            output.WriteLine($"- {line}");
        }

        output.WriteLine();
        output.WriteLine("| work | MemProc | against | ratio of medians | goal |");
        output.WriteLine("|---|---|---|---|---|");
        foreach (CaseResult result in results)
        {
            foreach (ComparisonResult comparison in result.Comparisons)
            {
                WriteRow(output, result.Title, comparison.Ours, comparison.Theirs,
                    ReportFormat.Ratio(comparison.Ratio), ReportFormat.FormatGoal(comparison));
            }
        }

        output.WriteLine();
        output.WriteLine("| work | who | min | median | max | peak RSS |");
        output.WriteLine("|---|---|---|---|---|---|");
        foreach (CaseResult result in results)
        {
            foreach (CandidateResult candidate in result.Candidates)
            {
                WriteRow(output, [result.Title, candidate.Name, .. Cells(candidate)]);
            }
        }

        output.WriteLine();
        foreach (CaseResult result in results)
        {
            foreach (string remark in result.Remarks)
            {
                output.WriteLine($"- {result.Title}: {remark}");
            }

            if ((result.Failed ?? result.Skipped) is string reason)
            {
                output.WriteLine($"- {result.Title}: {(result.Failed is null ? "skipped" : "failed")}, {reason}");
            }
        }
    }

    private static string[] Cells(CandidateResult candidate) => candidate.Nanoseconds is Distribution times
        ?
        [
            ReportFormat.Time(times.Minimum), ReportFormat.Time(times.Median), ReportFormat.Time(times.Maximum),
            candidate.PeakRssBytes is ulong peak ? HumanSize.Format(peak) : string.Empty,
        ]
        : ["skipped", string.Empty, string.Empty, string.Empty];

    private static void WriteRow(TextWriter output, params string[] cells) => output.WriteLine(
        $"| {string.Join(" | ", cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal)))} |");
}

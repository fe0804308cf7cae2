namespace MemProc.Bench;

/// <summary>A whole run as Markdown, for <c>docs/performance.md</c>.</summary>
internal static class MarkdownReport
{
    private const string Begin = "<!-- figures -->";
    private const string End = "<!-- end of figures -->";

    /// <summary>Writes a run into a page, between its two comments that enclose the figures.</summary>
    /// <exception cref="BenchException">The page has no such comments, or cannot be read.</exception>
    public static void Insert(Baseline run, string page)
    {
        string text = File.Exists(page) ? File.ReadAllText(page) : throw new BenchException($"{page} does not exist.");
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = text.IndexOf(End, StringComparison.Ordinal);
        if (begin < Begin.Length || end < begin)
        {
            throw new BenchException($"{page} needs the lines {Begin} and {End} around its figures.");
        }

        using StringWriter figures = new();
        Write(run.Results, run.Machine, figures);
        File.WriteAllText(page, $"{text[..begin]}\n{figures.ToString().TrimEnd()}\n{text[end..]}");
    }

    /// <summary>Writes a run.</summary>
    public static void Write(IReadOnlyList<CaseResult> results, IEnumerable<string> machine, TextWriter output)
    {
        foreach (string line in machine)
        {
            output.WriteLine($"- {line}");
        }

        output.WriteLine();
        output.WriteLine("| work | MemProc | against | median of ratios | goal |");
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

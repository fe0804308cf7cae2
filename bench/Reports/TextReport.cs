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
        foreach (ContenderResult contender in result.Contenders)
        {
            Write(contender, output);
        }

        foreach (ComparisonResult comparison in result.Comparisons)
        {
            output.WriteLine($"  {comparison.Ours} ÷ {comparison.Theirs}: {Figures.Ratio(comparison.Ratio)}"
                + (comparison.AtMost is null ? string.Empty : $", goal {Figures.Goal(comparison)}"));
        }

        foreach (string remark in result.Remarks)
        {
            output.WriteLine($"  {remark}");
        }

        output.WriteLine();
    }

    private static void Write(ContenderResult contender, TextWriter output)
    {
        if (contender.Nanoseconds is not Spread times)
        {
            output.WriteLine($"  {contender.Name}: skipped: {contender.Missing}");
            return;
        }

        output.WriteLine(Row, contender.Name, Figures.Time(times.Minimum), Figures.Time(times.Median),
            Figures.Time(times.Maximum), contender.PeakRssBytes is ulong peak ? HumanSize.Format(peak) : string.Empty);
    }
}

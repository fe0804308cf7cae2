using System.Text.Json;

namespace MemProc.Bench;

/// <summary>A run in a file, for tables and for the comparison with later runs.</summary>
/// <param name="Machine">What it was measured on.</param>
/// <param name="Results">The cases.</param>
internal sealed record Baseline(string[] Machine, IReadOnlyList<CaseResult> Results)
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true };

    /// <summary>Reads a file.</summary>
    /// <exception cref="BenchException">It cannot be read, or is no run.</exception>
    public static Baseline Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Baseline>(File.ReadAllText(path), Format) is { Machine: not null, Results: not null } run
                ? run
                : throw new BenchException($"{path} has no run.");
        }
        catch (Exception error) when (error is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new BenchException($"{path} cannot be read: {error.Message}");
        }
    }

    /// <summary>Writes the file; one that exists is replaced.</summary>
    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Format) + "\n");

    /// <summary>
    /// Reports what became slower or faster in a later run by more than the spread: the middle halves of the turns have
    /// nothing in common.
    /// </summary>
    /// <param name="later">The cases of the later run; cases that it left out are not compared.</param>
    /// <param name="output">Receives a line for each.</param>
    /// <returns>Whether something became slower.</returns>
    public bool Compare(IReadOnlyList<CaseResult> later, TextWriter output)
    {
        int compared = 0;
        int slower = 0;
        foreach (CaseResult result in later)
        {
            ComparisonResult[] before = [.. Results.Where(known => known.Name == result.Name).SelectMany(known => known.Comparisons)];
            foreach (ComparisonResult now in result.Comparisons)
            {
                if (Array.Find(before, was => was.Ours == now.Ours && was.Theirs == now.Theirs) is not ComparisonResult was)
                {
                    output.WriteLine($"new: {Describe(result, now)}");
                    continue;
                }

                compared++;
                bool isSlower = now.Spread.Low > was.Spread.High && now.Ratio > was.Ratio;
                slower += isSlower ? 1 : 0;
                if (isSlower || (now.Spread.High < was.Spread.Low && now.Ratio < was.Ratio))
                {
                    output.WriteLine($"{(isSlower ? "slower" : "faster")}: {Describe(result, now)}, was {Describe(was)}");
                }
            }

            foreach (ComparisonResult gone in before.Where(was =>
                !result.Comparisons.Any(now => was.Ours == now.Ours && was.Theirs == now.Theirs)))
            {
                output.WriteLine($"not measured: {Describe(result, gone)}");
            }
        }

        output.WriteLine($"{compared} ratios compared, {slower} slower by more than the spread.");
        return slower > 0;
    }

    private static string Describe(CaseResult result, ComparisonResult comparison) =>
        $"{result.Name}: {comparison.Ours} ÷ {comparison.Theirs}: {Describe(comparison)}";

    private static string Describe(ComparisonResult comparison) => $"{ReportFormat.Digits(comparison.Ratio)} "
        + $"({ReportFormat.Digits(comparison.Spread.Low)} to {ReportFormat.Digits(comparison.Spread.High)})";
}

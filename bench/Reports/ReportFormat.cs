using System.Globalization;

namespace MemProc.Bench;

/// <summary>Figures for people.</summary>
internal static class ReportFormat
{
    /// <summary>A time with three digits that count: <c>6.83 ms</c>.</summary>
    public static string Time(double nanoseconds) => nanoseconds switch
    {
        < 1e3 => $"{Digits(nanoseconds)} ns",
        < 1e6 => $"{Digits(nanoseconds / 1e3)} µs",
        < 1e9 => $"{Digits(nanoseconds / 1e6)} ms",
        _ => $"{Digits(nanoseconds / 1e9)} s",
    };

    /// <summary>A number with three digits that count.</summary>
    public static string Digits(double number)
    {
        int whole = number <= 0 ? 0 : (int)Math.Floor(Math.Log10(number)) + 1;
        return number.ToString($"F{Math.Clamp(3 - whole, 0, 6)}", CultureInfo.InvariantCulture);
    }

    /// <summary>A ratio of times, and how much faster that is if it is much: <c>0.00403 (248× faster)</c>.</summary>
    public static string Ratio(double ratio) =>
        ratio <= 0.5 ? $"{Digits(ratio)} ({Digits(1 / ratio)}× faster)" : Digits(ratio);

    /// <summary>A figure, the goal for it, and whether that was met.</summary>
    public static string WithGoal(double figure, double maxRatio) =>
        $"{Digits(figure)}, goal {FormatGoal(maxRatio, figure <= maxRatio)}";

    /// <summary>The goal of a comparison and whether it was met; empty where none was set.</summary>
    public static string FormatGoal(ComparisonResult comparison) =>
        comparison.MaxRatio is double goal ? FormatGoal(goal, comparison.IsMet == true) : string.Empty;

    private static string FormatGoal(double maxRatio, bool isMet) => $"at most {maxRatio:0.###}: {(isMet ? "met" : "missed")}";
}

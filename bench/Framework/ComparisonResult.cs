namespace MemProc.Bench;

/// <summary>How two contenders compare.</summary>
/// <param name="Ours">The name of MemProc's.</param>
/// <param name="Theirs">The name of the other.</param>
/// <param name="Ratio">Our time by theirs, the median of the turns: below 1 is faster.</param>
/// <param name="MaxRatio">The goal; null: none was set.</param>
/// <param name="Spread">Where the middle half of the turns lies, each with a ratio of its own.</param>
internal sealed record ComparisonResult(string Ours, string Theirs, double Ratio, double? MaxRatio, Spread Spread)
{
    /// <summary>Whether the goal was met; null: none was set.</summary>
    public bool? IsMet => MaxRatio is double goal ? Ratio <= goal : null;
}

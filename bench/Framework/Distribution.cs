namespace MemProc.Bench;

/// <summary>How measurements of one contender lie.</summary>
/// <param name="Minimum">The least.</param>
/// <param name="Median">The one in the middle; of an even number, the mean of the two there.</param>
/// <param name="Maximum">The greatest.</param>
internal readonly record struct Distribution(double Minimum, double Median, double Maximum)
{
    /// <summary>The spread of at least one number.</summary>
    public static Distribution Of(IEnumerable<double> numbers)
    {
        double[] sorted = [.. numbers.Order()];
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Distribution(sorted[0], median, sorted[^1]);
    }
}

/// <summary>The middle half of some numbers.</summary>
/// <param name="Low">A quarter of them is less.</param>
/// <param name="High">A quarter of them is greater.</param>
internal readonly record struct Spread(double Low, double High)
{
    /// <summary>The middle half of at least one number.</summary>
    public static Spread Of(IEnumerable<double> numbers)
    {
        double[] sorted = [.. numbers.Order()];
        int quarter = sorted.Length / 4;
        return new Spread(sorted[quarter], sorted[^(quarter + 1)]);
    }
}

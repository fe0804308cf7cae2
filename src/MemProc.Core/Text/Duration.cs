using System.Globalization;

namespace MemProc;

/// <summary>Durations as text.</summary>
public static class Duration
{
    private static readonly (string Unit, double Milliseconds)[] Units =
        [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("", 1)];

    /// <summary>Parses <c>250</c> and <c>250ms</c>, <c>1.5s</c>, <c>5m</c>, <c>1h</c>, or <c>00:00:01.5</c>.</summary>
    /// <exception cref="FormatException">The text is not a duration.</exception>
    public static TimeSpan Parse(string text)
    {
        string plain = text.Trim();
        if (plain.Contains(':', StringComparison.Ordinal)
            && TimeSpan.TryParse(plain, CultureInfo.InvariantCulture, out TimeSpan span) && span >= TimeSpan.Zero)
        {
            return span;
        }

        foreach ((string unit, double milliseconds) in Units)
        {
            if (plain.EndsWith(unit, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(plain[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
                    out double number)
                && number * milliseconds <= TimeSpan.MaxValue.TotalMilliseconds / 2)
            {
                return TimeSpan.FromMilliseconds(number * milliseconds);
            }
        }

        throw new FormatException($"'{SafeText.Escape(text)}' is not a valid duration. Write 250 or 250ms (milliseconds), "
            + "1.5s, 5m, 1h, or 00:00:01.5.");
    }
}

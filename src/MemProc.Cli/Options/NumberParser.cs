using System.Globalization;

namespace MemProc.Cli;

/// <summary>Parses numbers of the command line.</summary>
internal static class NumberParser
{
    private const string Units = "KMGT";

    /// <summary>Parses a number of bytes: decimal or <c>0x</c> hex, with K, M, G or T for powers of 1024.</summary>
    /// <exception cref="FormatException">It is not a number, is 0, or has more than 64 bits.</exception>
    public static ulong ParseLength(string text)
    {
        int unit = text.Length == 0 ? 0 : Units.IndexOf(char.ToUpperInvariant(text[^1]), StringComparison.Ordinal) + 1;
        string digits = unit == 0 ? text : text[..^1];
        return TryParse(digits, out ulong number) && number > 0 && number <= ulong.MaxValue >> (10 * unit)
            ? number << (10 * unit)
            : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid length. Specify at least 1, such as "
                + "4096, 0x1000, 4K, 16M or 2G.");
    }

    /// <summary>Parses a count: decimal or <c>0x</c> hex.</summary>
    /// <exception cref="FormatException">It is not a number, is 0, or has more than 64 bits.</exception>
    public static ulong ParseCount(string text) => TryParse(text, out ulong number) && number > 0
        ? number
        : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid count. Specify at least 1, such as 16 or 0x10.");

    /// <summary>Parses a process id, or <c>self</c> for memproc itself.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static int ParseProcessId(string text)
    {
        if (text == "self")
        {
            return LinuxProcess.OwnId;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id > 0
            ? id
            : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid process id. Specify a number such as "
                + "1234, or self; pgrep(1) finds ids by name.");
    }

    private static bool TryParse(string digits, out ulong number) =>
        digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(
                digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    /// <summary>Parses a time in seconds: 0.5, 60.</summary>
    /// <exception cref="FormatException">It is not a number from 0 to one week.</exception>
    public static double ParseSeconds(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
            && seconds <= WorkingSetMeter.MaxSeconds
        ? seconds
        : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid number of seconds. Specify at most one week, such as 5 or 0.5.");
}

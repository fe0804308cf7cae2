using System.Globalization;

namespace MemProc.Cli;

/// <summary>Numbers of a command line.</summary>
internal static class Numbers
{
    private const string Units = "KMGT";

    /// <summary>A number of bytes: decimal or <c>0x</c> hex, with K, M, G or T in units of 1024.</summary>
    /// <exception cref="FormatException">It is none, is 0, or has more than 64 bits.</exception>
    public static ulong Length(string text)
    {
        int unit = text.Length == 0 ? 0 : Units.IndexOf(char.ToUpperInvariant(text[^1]), StringComparison.Ordinal) + 1;
        string digits = unit == 0 ? text : text[..^1];
        return TryParse(digits, out ulong number) && number > 0 && number <= ulong.MaxValue >> (10 * unit)
            ? number << (10 * unit)
            : throw new FormatException($"'{SafeText.Escape(text)}' is no length. Write 4096, 0x1000, 4K, 16M or 2G; "
                + "at least 1.");
    }

    /// <summary>How many: decimal or <c>0x</c> hex.</summary>
    /// <exception cref="FormatException">It is no number, is 0, or has more than 64 bits.</exception>
    public static ulong Count(string text) => TryParse(text, out ulong number) && number > 0
        ? number
        : throw new FormatException($"'{SafeText.Escape(text)}' is no count. Write 16 or 0x10; at least 1.");

    /// <summary>A process id, or <c>self</c> for this very process.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static int ProcessId(string text)
    {
        if (text == "self")
        {
            return Environment.ProcessId;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id > 0
            ? id
            : throw new FormatException($"'{SafeText.Escape(text)}' is no process id. Write a number such as 1234, or "
                + "self.");
    }

    private static bool TryParse(string digits, out ulong number) =>
        digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(
                digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

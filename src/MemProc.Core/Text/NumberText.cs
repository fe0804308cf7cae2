using System.Globalization;

namespace MemProc;

/// <summary>Parses addresses, frame numbers and sizes.</summary>
public static class NumberText
{
    /// <summary>
    /// Parses a number: hex with <c>0x</c> or with any of the letters a to f, else decimal.
    /// Underscores and backticks between the digits are allowed.
    /// </summary>
    /// <exception cref="FormatException">The text is not a number, or the number does not fit 64 bits.</exception>
    public static ulong Parse(string text)
    {
        string digits = text.Trim().Replace("_", string.Empty, StringComparison.Ordinal)
            .Replace("`", string.Empty, StringComparison.Ordinal);
        bool isPrefixed = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool isHex = isPrefixed || digits.Any(char.IsAsciiLetter);
        bool isNumber = isHex
            ? ulong.TryParse(isPrefixed ? digits.AsSpan(2) : digits, NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture, out ulong value)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        return isNumber ? value : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid number.");
    }
}

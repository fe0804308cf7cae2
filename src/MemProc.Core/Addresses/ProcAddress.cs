using System.Globalization;

namespace MemProc;

/// <summary>
/// An address as a person gives it. It is resolved against a process when it is used, so that one expression can
/// stand for another number in each process.
/// </summary>
public sealed class ProcAddress
{
    private readonly ulong _value;

    private ProcAddress(ulong value, ulong? length = null)
    {
        _value = value;
        Length = length;
    }

    /// <summary>Bytes that the address stands for, where it came from something with a length; else null.</summary>
    public ulong? Length { get; }

    /// <summary>An address that is known as a number.</summary>
    /// <param name="value">The address.</param>
    /// <param name="length">Bytes that it stands for, where it came from something with a length.</param>
    public static ProcAddress FromNumber(ulong value, ulong? length = null) => new(value, length);

    /// <summary>Reads a text by the rules of <see cref="ParseNumber"/>.</summary>
    /// <exception cref="FormatException">The text is no address.</exception>
    public static ProcAddress Parse(string text)
    {
        try
        {
            return new ProcAddress(ParseNumber(text));
        }
        catch (FormatException error)
        {
            throw new FormatException(
                $"'{SafeText.Escape(text)}' is no address. Write 0x7ffd2de47000, or 7ffd2de47000 (a text with a "
                + "letter a to f is hex), or a decimal number; at most 64 bits.", error);
        }
    }

    /// <summary>
    /// Reads a number: <c>0x</c> is hex, and so is a text with one of the letters a to f; digits alone are decimal.
    /// Underscores and backticks between the digits are allowed.
    /// </summary>
    /// <exception cref="FormatException">The text is no number, or one of more than 64 bits.</exception>
    public static ulong ParseNumber(string text)
    {
        string digits = text.Trim().Replace("_", string.Empty, StringComparison.Ordinal)
            .Replace("`", string.Empty, StringComparison.Ordinal);
        bool isPrefixed = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool isHex = isPrefixed || digits.Any(char.IsAsciiLetter);
        bool isNumber = isHex
            ? ulong.TryParse(isPrefixed ? digits.AsSpan(2) : digits, NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture, out ulong value)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        return isNumber ? value : throw new FormatException($"'{SafeText.Escape(text)}' is no number.");
    }

    /// <summary>The address in a process.</summary>
    /// <param name="process">The process.</param>
    public ulong Resolve(LinuxProcess process)
    {
        ArgumentNullException.ThrowIfNull(process);
        return _value;
    }

    /// <summary>The address as it was given.</summary>
    public override string ToString() => $"0x{_value:x}";
}

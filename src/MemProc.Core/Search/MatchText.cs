using System.Globalization;

namespace MemProc;

/// <summary>A match as a short text.</summary>
public static class MatchText
{
    private const int MaxBytes = 8;

    /// <summary>
    /// Describes a match: a number, after the previous one when it was read again; else the first bytes in hex and as
    /// characters.
    /// </summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="isPointer">Whether the number is shown in hex.</param>
    /// <param name="number">The number; null when the match is not a number.</param>
    /// <param name="previous">The previous number; null when there is none.</param>
    public static string Describe(ReadOnlySpan<byte> bytes, bool isPointer, object? number, object? previous)
    {
        if (number is not null)
        {
            string now = Number(number, isPointer);
            return previous is null ? now : $"{Number(previous, isPointer)} -> {now}";
        }

        ReadOnlySpan<byte> shown = bytes[..Math.Min(bytes.Length, MaxBytes)];
        string rest = bytes.Length > MaxBytes ? "…" : string.Empty;
        return $"{ByteText.Hex(shown),-3 * MaxBytes}|{ByteText.Characters(shown)}|{rest}";
    }

    private static string Number(object number, bool isPointer) => isPointer
        ? $"0x{Convert.ToUInt64(number, CultureInfo.InvariantCulture):x}"
        : Convert.ToString(number, CultureInfo.InvariantCulture) ?? string.Empty;
}

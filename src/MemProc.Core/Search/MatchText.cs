using System.Globalization;

namespace MemProc;

/// <summary>A match in a few words.</summary>
public static class MatchText
{
    private const int ShownBytes = 8;

    /// <summary>
    /// A number as itself, with the one before it where it was looked at again; else the first bytes in hex and as
    /// characters.
    /// </summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="isPointer">The number is shown in hex.</param>
    /// <param name="number">The number; null where they are none.</param>
    /// <param name="previous">The number before; null where there is none.</param>
    public static string Describe(ReadOnlySpan<byte> bytes, bool isPointer, object? number, object? previous)
    {
        if (number is not null)
        {
            string now = Number(number, isPointer);
            return previous is null ? now : $"{Number(previous, isPointer)} -> {now}";
        }

        ReadOnlySpan<byte> shown = bytes[..Math.Min(bytes.Length, ShownBytes)];
        string hex = string.Join(' ', Convert.ToHexStringLower(shown).Chunk(2).Select(pair => new string(pair)));
        string rest = bytes.Length > ShownBytes ? "…" : string.Empty;
        return $"{hex,-3 * ShownBytes}|{ByteText.Characters(shown)}|{rest}";
    }

    private static string Number(object number, bool isPointer) => isPointer
        ? $"0x{Convert.ToUInt64(number, CultureInfo.InvariantCulture):x}"
        : Convert.ToString(number, CultureInfo.InvariantCulture) ?? string.Empty;
}

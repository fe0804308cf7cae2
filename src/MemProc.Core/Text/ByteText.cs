namespace MemProc;

/// <summary>Bytes in a message.</summary>
public static class ByteText
{
    private const int Shown = 16;

    /// <summary>How many: <c>1 byte</c>, <c>6 bytes</c>.</summary>
    public static string Count(int bytes) => bytes == 1 ? "1 byte" : $"{bytes} bytes";

    /// <summary>Bytes in hex, with or without blanks between them: <c>67 61 72</c>, <c>676172</c>.</summary>
    /// <exception cref="FormatException">They are none.</exception>
    public static byte[] Parse(string text)
    {
        string[] groups = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            return groups.Length > 0
                ? [.. groups.SelectMany(Convert.FromHexString)]
                : throw new FormatException("No bytes.");
        }
        catch (FormatException error)
        {
            throw new FormatException(
                $"'{SafeText.Escape(text)}' are no bytes. Write two hex digits a byte: '67 61 72' or 676172.", error);
        }
    }

    /// <summary>The first bytes in hex and as characters, and how many there are: <c>67 61 72 |gar|</c>.</summary>
    public static string Short(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> shown = bytes[..Math.Min(bytes.Length, Shown)];
        string hex = string.Join(' ', Convert.ToHexStringLower(shown).Chunk(2).Select(pair => new string(pair)));
        string rest = bytes.Length > Shown ? $" … ({bytes.Length} bytes)" : string.Empty;
        return $"{hex} |{Characters(shown)}|{rest}";
    }

    /// <summary>Bytes as characters: visible ASCII as it is, a dot for the rest.</summary>
    public static string Characters(ReadOnlySpan<byte> bytes) => string.Create(bytes.Length, bytes, static (text, source) =>
    {
        for (int index = 0; index < source.Length; index++)
        {
            text[index] = source[index] is >= 0x20 and < 0x7f ? (char)source[index] : '.';
        }
    });
}

namespace MemProc;

/// <summary>Bytes as text.</summary>
public static class ByteText
{
    private const int MaxBytes = 16;

    /// <summary>Returns a number of bytes as text: <c>1 byte</c>, <c>6 bytes</c>.</summary>
    public static string Count(int bytes) => bytes == 1 ? "1 byte" : $"{bytes} bytes";

    /// <summary>Parses bytes in hex, with or without blanks between them: <c>67 61 72</c>, <c>676172</c>, <c>0x67 0x61</c>.</summary>
    /// <exception cref="FormatException">The text is not bytes in hex.</exception>
    public static byte[] Parse(string text)
    {
        string[] groups = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            return groups.Length > 0
                ? [.. groups.SelectMany(group => Convert.FromHexString(
                    group.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? group[2..] : group))]
                : throw new FormatException("No bytes.");
        }
        catch (FormatException error)
        {
            throw new FormatException(
                $"'{SafeText.Escape(text)}' is not valid hex. Write two digits for each byte: '67 61 72' or 676172.", error);
        }
    }

    /// <summary>Returns bytes in hex, with blanks between them: <c>67 61 72</c>.</summary>
    public static string Hex(ReadOnlySpan<byte> bytes) =>
        string.Join(' ', Convert.ToHexStringLower(bytes).Chunk(2).Select(pair => new string(pair)));

    /// <summary>Returns the first bytes in hex and as characters, and the number of all: <c>67 61 72 |gar|</c>.</summary>
    public static string Preview(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> shown = bytes[..Math.Min(bytes.Length, MaxBytes)];
        string rest = bytes.Length > MaxBytes ? $" … ({bytes.Length} bytes)" : string.Empty;
        return $"{Hex(shown)} |{Characters(shown)}|{rest}";
    }

    /// <summary>Returns bytes as characters: printable ASCII, and a dot for any other byte.</summary>
    public static string Characters(ReadOnlySpan<byte> bytes) => string.Create(bytes.Length, bytes, static (text, source) =>
    {
        for (int index = 0; index < source.Length; index++)
        {
            text[index] = source[index] is >= 0x20 and < 0x7f ? (char)source[index] : '.';
        }
    });
}

using System.Globalization;

namespace MemProc;

/// <summary>
/// Formats bytes as a hex dump of 80 columns: address, sixteen bytes in hex, the same bytes as characters.
/// </summary>
public static class HexDump
{
    /// <summary>Bytes per line.</summary>
    public const int BytesPerLine = 16;

    private const string HexDigits = "0123456789abcdef";

    /// <summary>
    /// Returns the lines of a dump. Bytes that could not be read are <c>--</c>; a gap that covers whole lines is one
    /// line that describes it.
    /// </summary>
    /// <param name="address">Address of the first byte.</param>
    /// <param name="bytes">The bytes; those in gaps are ignored.</param>
    /// <param name="length">Bytes covered, gaps included.</param>
    /// <param name="gaps">What could not be read, in address order.</param>
    public static IEnumerable<string> Lines(
        ulong address, ReadOnlyMemory<byte> bytes, ulong length, IReadOnlyList<MemoryGap> gaps)
    {
        ulong end = address + length;
        ulong line = address - address % BytesPerLine;
        int gap = 0;
        while (line < end)
        {
            while (gap < gaps.Count && gaps[gap].End <= line)
            {
                gap++;
            }

            if (gap < gaps.Count && gaps[gap].Address <= Math.Max(line, address)
                && gaps[gap].End >= Math.Min(line + BytesPerLine, end))
            {
                yield return gaps[gap].ToString();
                line = gaps[gap].End < end
                    ? Math.Max(gaps[gap].End - gaps[gap].End % BytesPerLine, line + BytesPerLine)
                    : end;
            }
            else
            {
                yield return Line(line, address, end, bytes.Span, gaps, gap);
                line += BytesPerLine;
            }
        }
    }

    /// <summary>
    /// Replaces lines with the bytes of the line before them by one <c>*</c>. The last line of a dump remains, so that its end
    /// is known.
    /// </summary>
    /// <param name="lines">The lines of a dump.</param>
    public static IEnumerable<string> Fold(IEnumerable<string> lines)
    {
        ArgumentNullException.ThrowIfNull(lines);
        string? shown = null;
        string? folded = null;
        int count = 0;
        foreach (string line in lines)
        {
            if (shown is not null && BytesOf(shown).SequenceEqual(BytesOf(line)))
            {
                folded = line;
                count++;
                continue;
            }

            if (count > 0)
            {
                yield return "*";
                count = 0;
            }

            yield return shown = line;
        }

        if (count > 1)
        {
            yield return "*";
        }

        if (count > 0)
        {
            yield return folded!;
        }
    }

    private static ReadOnlySpan<char> BytesOf(string line) =>
        line.IndexOf(' ') is > 0 and int blank ? line.AsSpan(blank) : line;

    private static string Line(
        ulong line, ulong start, ulong end, ReadOnlySpan<byte> bytes, IReadOnlyList<MemoryGap> gaps, int gap)
    {
        Span<char> text = stackalloc char[96];
        text.Fill(' ');
        line.TryFormat(text[2..], out int digits, "x12", CultureInfo.InvariantCulture);
        "0x".CopyTo(text);
        Span<char> hex = text[(digits + 3)..];
        Span<char> characters = hex[(BytesPerLine * 3 + 1)..];
        for (int index = 0; index < BytesPerLine; index++)
        {
            ulong address = line + (ulong)index;
            if (address < start || address >= end)
            {
                continue;
            }

            while (gap < gaps.Count && gaps[gap].End <= address)
            {
                gap++;
            }

            int column = index * 3 + (index < BytesPerLine / 2 ? 0 : 1);
            if (gap < gaps.Count && gaps[gap].Address <= address)
            {
                "--".CopyTo(hex[column..]);
                continue;
            }

            byte value = bytes[(int)(address - start)];
            hex[column] = HexDigits[value >> 4];
            hex[column + 1] = HexDigits[value & 0xf];
            characters[index] = value is >= 0x20 and < 0x7f ? (char)value : '.';
        }

        return text[..(digits + 3 + BytesPerLine * 4 + 1)].TrimEnd(' ').ToString();
    }
}

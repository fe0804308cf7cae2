using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// One line of <c>/proc/iomem</c>, as <c>r_show</c> in <c>kernel/resource.c</c> writes it:
/// <c>start-last : name</c>, hexadecimal, indented by two spaces for each enclosing range.
/// </summary>
public readonly ref struct IomemLine
{
    /// <summary>
    /// The largest <see cref="Depth"/> that the kernel shows (MAX_IORES_LEVEL): deeper ranges are shown at the level of
    /// their parent.
    /// </summary>
    public const int MaxDepth = 5;

    private const int SpacesPerLevel = 2;

    /// <summary>The number of enclosing ranges that the kernel shows.</summary>
    public int Depth { get; private init; }

    /// <summary>First physical address.</summary>
    public ulong Start { get; private init; }

    /// <summary>Last physical address, inclusive.</summary>
    public ulong Last { get; private init; }

    /// <summary>The rest of the line, byte for byte.</summary>
    public ReadOnlySpan<byte> Name { get; private init; }

    /// <summary>
    /// Both addresses are 0, as the kernel writes them for a reader without CAP_SYS_ADMIN.
    /// </summary>
    public bool IsZero => Start == 0 && Last == 0;

    /// <summary>Parses a line, with or without its newline. Returns false if it is not such a line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out IomemLine result)
    {
        result = default;
        if (line is [.. var body, (byte)'\n'])
        {
            line = body;
        }

        ReadOnlySpan<byte> text = line.TrimStart((byte)' ');
        int blanks = line.Length - text.Length;
        if (blanks % SpacesPerLevel != 0 || blanks > MaxDepth * SpacesPerLevel
            || !Utf8Parser.TryParse(text, out ulong start, out int used, 'x')
            || used >= text.Length || text[used] != '-')
        {
            return false;
        }

        text = text[(used + 1)..];
        if (!Utf8Parser.TryParse(text, out ulong last, out used, 'x') || last < start
            || !text[used..].StartsWith(" : "u8))
        {
            return false;
        }

        result = new IomemLine
        {
            Depth = blanks / SpacesPerLevel,
            Start = start,
            Last = last,
            Name = text[(used + 3)..],
        };
        return true;
    }
}

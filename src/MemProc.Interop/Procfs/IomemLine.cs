using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// One line of <c>/proc/iomem</c>, as <c>r_show</c> in <c>kernel/resource.c</c> writes it:
/// <c>start-last : name</c>, hexadecimal, two blanks in front for each range around it.
/// </summary>
public readonly ref struct IomemLine
{
    /// <summary>
    /// The largest <see cref="Depth"/> that the kernel shows (MAX_IORES_LEVEL): what lies deeper stands beside its
    /// parent.
    /// </summary>
    public const int DeepestShown = 5;

    private const int BlanksPerLevel = 2;

    /// <summary>How many ranges the kernel shows around this one.</summary>
    public int Depth { get; private init; }

    /// <summary>First physical address.</summary>
    public ulong Start { get; private init; }

    /// <summary>The last physical address, not the one behind it.</summary>
    public ulong Last { get; private init; }

    /// <summary>The rest of the line, byte for byte.</summary>
    public ReadOnlySpan<byte> Name { get; private init; }

    /// <summary>
    /// Both addresses are 0: what the kernel writes for a reader without CAP_SYS_ADMIN, whatever they are.
    /// </summary>
    public bool IsZero => Start == 0 && Last == 0;

    /// <summary>Parses a line, with or without its newline. False where it is no such line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out IomemLine result)
    {
        result = default;
        if (line is [.. var body, (byte)'\n'])
        {
            line = body;
        }

        ReadOnlySpan<byte> text = line.TrimStart((byte)' ');
        int blanks = line.Length - text.Length;
        if (blanks % BlanksPerLevel != 0 || blanks > DeepestShown * BlanksPerLevel
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
            Depth = blanks / BlanksPerLevel,
            Start = start,
            Last = last,
            Name = text[(used + 3)..],
        };
        return true;
    }
}

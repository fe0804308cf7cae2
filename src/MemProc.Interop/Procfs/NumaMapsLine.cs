using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// One line of <c>/proc/PID/numa_maps</c> (<c>show_numa_map</c> in <c>fs/proc/task_mmu.c</c>): an address, a memory policy,
/// and words or <c>name=number</c> pairs. The file is that of the mapping at the same address, and is skipped.
/// </summary>
public readonly ref struct NumaMapsLine
{
    /// <summary>First address of the mapping.</summary>
    public ulong Start { get; private init; }

    /// <summary>The policy, as the kernel writes it: <c>default</c>, <c>bind:0-1</c>, <c>prefer (many):0</c>.</summary>
    public ReadOnlySpan<byte> Policy { get; private init; }

    /// <summary>What follows, with blanks: <c>anon=2 dirty=2 N0=2 kernelpagesize_kB=4</c>.</summary>
    public ReadOnlySpan<byte> Fields { get; private init; }

    /// <summary>Parses a line, with or without its newline. Returns false if it is not such a line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out NumaMapsLine result)
    {
        result = default;
        line = line.TrimEnd((byte)'\n');
        if (!Utf8Parser.TryParse(line, out ulong start, out int used, 'x') || used == line.Length || line[used] != ' ')
        {
            return false;
        }

        ReadOnlySpan<byte> rest = line[(used + 1)..];
        int end = EndOfWord(rest);
        // Two names of policies consist of two words.
        ReadOnlySpan<byte> second = end < rest.Length ? rest[(end + 1)..] : default;
        if ((rest[..end].SequenceEqual("prefer"u8) && second.StartsWith("(many)"u8))
            || (rest[..end].SequenceEqual("weighted"u8) && second.StartsWith("interleave"u8)))
        {
            end += 1 + EndOfWord(second);
        }

        result = new NumaMapsLine { Start = start, Policy = rest[..end], Fields = rest[end..].Trim((byte)' ') };
        return end > 0;
    }

    /// <summary>Splits the first field off.</summary>
    /// <param name="fields">The fields; afterwards those that are left.</param>
    /// <param name="name">The word, or the name before <c>=</c>.</param>
    /// <param name="value">The text after <c>=</c>; empty for a word.</param>
    /// <returns>False where none is left.</returns>
    public static bool TryTakeField(ref ReadOnlySpan<byte> fields, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        fields = fields.TrimStart((byte)' ');
        int end = EndOfWord(fields);
        ReadOnlySpan<byte> field = fields[..end];
        fields = fields[end..];
        int equals = field.IndexOf((byte)'=');
        name = equals < 0 ? field : field[..equals];
        value = equals < 0 ? default : field[(equals + 1)..];
        return end > 0;
    }

    private static int EndOfWord(ReadOnlySpan<byte> text)
    {
        int blank = text.IndexOf((byte)' ');
        return blank < 0 ? text.Length : blank;
    }
}

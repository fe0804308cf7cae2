using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// One line of <c>/proc/PID/limits</c> (<c>proc_pid_limits</c> in <c>fs/proc/base.c</c>): a name of several words in 25
/// columns, the soft and the hard limit, and the unit.
/// </summary>
public readonly ref struct LimitsLine
{
    private const int NameColumns = 25;

    /// <summary>The name: <c>Max locked memory</c>.</summary>
    public ReadOnlySpan<byte> Name { get; private init; }

    /// <summary>The soft limit, which applies; the largest number where there is none (<c>unlimited</c>).</summary>
    public ulong Soft { get; private init; }

    /// <summary>The hard limit, up to which the process may raise the soft one.</summary>
    public ulong Hard { get; private init; }

    /// <summary>Parses a line. Returns false for the heading, and for what is not such a line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out LimitsLine result)
    {
        result = default;
        if (line.Length <= NameColumns)
        {
            return false;
        }

        ReadOnlySpan<byte> values = line[NameColumns..];
        if (!TryTake(ref values, out ulong soft) || !TryTake(ref values, out ulong hard))
        {
            return false;
        }

        result = new LimitsLine { Name = line[..NameColumns].TrimEnd((byte)' '), Soft = soft, Hard = hard };
        return true;
    }

    private static bool TryTake(ref ReadOnlySpan<byte> text, out ulong value)
    {
        text = text.TrimStart((byte)' ');
        int end = text.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = end < 0 ? text : text[..end];
        text = text[word.Length..];
        value = ulong.MaxValue;
        return word.SequenceEqual("unlimited"u8)
            || (Utf8Parser.TryParse(word, out value, out int used) && used == word.Length && used > 0);
    }
}

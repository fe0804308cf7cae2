using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// One line of <c>/proc/PID/status</c> (<c>proc_pid_status</c> in <c>fs/proc/array.c</c>): a word, a colon, a tab and a
/// text. Memory counters (<c>task_mem</c> in <c>fs/proc/task_mmu.c</c>) end with kB.
/// </summary>
public readonly ref struct StatusLine
{
    /// <summary>The word before the colon.</summary>
    public ReadOnlySpan<byte> Name { get; private init; }

    /// <summary>The text after the colon, trimmed.</summary>
    public ReadOnlySpan<byte> Text { get; private init; }

    /// <summary>Parses a line, with or without its newline. Returns false if it is not such a line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out StatusLine result)
    {
        int colon = line.IndexOf((byte)':');
        if (colon <= 0)
        {
            result = default;
            return false;
        }

        result = new StatusLine { Name = line[..colon], Text = line[(colon + 1)..].Trim(" \t\n"u8) };
        return true;
    }

    /// <summary>Gets the bytes of a memory counter; false if the line is something else.</summary>
    public bool TryBytes(out ulong bytes)
    {
        // A process can choose its name, so the name may look like a counter.
        bool isCounter = Utf8Parser.TryParse(Text, out ulong kibibytes, out int used)
            && Text[used..].SequenceEqual(" kB"u8)
            && kibibytes <= ulong.MaxValue / 1024
            && !Name.SequenceEqual("Name"u8);
        bytes = isCounter ? kibibytes * 1024 : 0;
        return isCounter;
    }
}

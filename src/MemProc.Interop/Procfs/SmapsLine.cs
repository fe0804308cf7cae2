using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// One line after a mapping's header in <c>/proc/PID/smaps</c> (<c>show_smap</c> in
/// <c>fs/proc/task_mmu.c</c>): a counter (<c>Rss:    12 kB</c>), a number without a unit
/// (<c>THPeligible:    0</c>) or the two-letter tokens of <c>VmFlags:</c>.
/// </summary>
public readonly ref struct SmapsLine
{
    /// <summary>The word before the colon.</summary>
    public ReadOnlySpan<byte> Name { get; private init; }

    /// <summary>The number; in bytes if the kernel wrote kB.</summary>
    public ulong Value { get; private init; }

    /// <summary>The tokens of a <c>VmFlags</c> line, space-separated; empty on every other line.</summary>
    public ReadOnlySpan<byte> VmFlags { get; private init; }

    /// <summary>Returns whether a line is the header of a mapping: addresses are lower-case hex, names are not.</summary>
    public static bool IsHeader(ReadOnlySpan<byte> line) =>
        line is [(>= (byte)'0' and <= (byte)'9') or (>= (byte)'a' and <= (byte)'f'), ..];

    /// <summary>Parses a line, with or without its newline. Returns false if it is not such a line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out SmapsLine result)
    {
        result = default;
        int colon = line.IndexOf((byte)':');
        if (colon <= 0 || IsHeader(line))
        {
            return false;
        }

        ReadOnlySpan<byte> name = line[..colon];
        ReadOnlySpan<byte> rest = line[(colon + 1)..].Trim(" \n\t"u8);
        if (name.SequenceEqual("VmFlags"u8))
        {
            result = new SmapsLine { Name = name, VmFlags = rest };
            return true;
        }

        if (!Utf8Parser.TryParse(rest, out ulong value, out int used))
        {
            return false;
        }

        bool kibibytes = rest[used..].SequenceEqual(" kB"u8);
        result = new SmapsLine { Name = name, Value = kibibytes ? value * 1024 : value };
        return true;
    }
}

using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// Permissions of a mapping. The values are those of PROCMAP_QUERY's <c>vma_flags</c>
/// (<c>include/uapi/linux/fs.h</c>). A mapping without <see cref="Shared"/> is private.
/// </summary>
[Flags]
public enum VmaPermissions
{
    /// <summary>No access, private: <c>---p</c>.</summary>
    None = 0,
    /// <summary><c>r</c></summary>
    Read = 1,
    /// <summary><c>w</c></summary>
    Write = 2,
    /// <summary><c>x</c></summary>
    Execute = 4,
    /// <summary><c>s</c>: writes reach the file or the other processes that share the mapping.</summary>
    Shared = 8,
}

/// <summary>
/// One line of <c>/proc/PID/maps</c>, as <c>show_map_vma</c> in <c>fs/proc/task_mmu.c</c> writes it:
/// <c>start-end rwxp offset major:minor inode   path</c>, numbers hexadecimal except the inode.
/// </summary>
public readonly ref struct MapsLine
{
    /// <summary>First address.</summary>
    public ulong Start { get; private init; }

    /// <summary>First address after the mapping.</summary>
    public ulong End { get; private init; }

    /// <summary>The permissions, of the four letters <c>rwxp</c> or <c>rwxs</c>.</summary>
    public VmaPermissions Permissions { get; private init; }

    /// <summary>Offset in the file, bytes.</summary>
    public ulong Offset { get; private init; }

    /// <summary>Major number of the file's device.</summary>
    public uint DeviceMajor { get; private init; }

    /// <summary>Minor number of the file's device.</summary>
    public uint DeviceMinor { get; private init; }

    /// <summary>Inode of the file; 0 if no file is mapped.</summary>
    public ulong Inode { get; private init; }

    /// <summary>The rest of the line, unchanged: with spaces, and <c>\012</c> for a newline in a name.</summary>
    public ReadOnlySpan<byte> Path { get; private init; }

    /// <summary>Parses a line, with or without its newline. Returns false if it is not such a line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out MapsLine result)
    {
        result = default;
        if (line is [.. var body, (byte)'\n'])
        {
            line = body;
        }

        if (!TryHex(ref line, (byte)'-', out ulong start) || !TryHex(ref line, (byte)' ', out ulong end)
            || line.Length < 5 || line[4] != ' ' || !TryPermissions(line[..4], out VmaPermissions permissions))
        {
            return false;
        }

        line = line[5..];
        if (!TryHex(ref line, (byte)' ', out ulong offset) || !TryHex(ref line, (byte)':', out ulong major)
            || !TryHex(ref line, (byte)' ', out ulong minor)
            || !Utf8Parser.TryParse(line, out ulong inode, out int used)
            || (used < line.Length && line[used] != ' '))
        {
            return false;
        }

        result = new MapsLine
        {
            Start = start,
            End = end,
            Permissions = permissions,
            Offset = offset,
            DeviceMajor = (uint)major,
            DeviceMinor = (uint)minor,
            Inode = inode,
            Path = line[used..].TrimStart((byte)' '),
        };
        return true;
    }

    private static bool TryHex(ref ReadOnlySpan<byte> text, byte terminator, out ulong value)
    {
        if (!Utf8Parser.TryParse(text, out value, out int used, 'x') || used >= text.Length
            || text[used] != terminator)
        {
            return false;
        }

        text = text[(used + 1)..];
        return true;
    }

    private static bool TryPermissions(ReadOnlySpan<byte> letters, out VmaPermissions permissions)
    {
        permissions = (letters[0] == 'r' ? VmaPermissions.Read : 0)
            | (letters[1] == 'w' ? VmaPermissions.Write : 0)
            | (letters[2] == 'x' ? VmaPermissions.Execute : 0)
            | (letters[3] == 's' ? VmaPermissions.Shared : 0);
        return letters is [(byte)'r' or (byte)'-', (byte)'w' or (byte)'-', (byte)'x' or (byte)'-',
            (byte)'p' or (byte)'s'];
    }
}

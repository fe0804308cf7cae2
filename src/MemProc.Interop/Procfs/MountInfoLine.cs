using System.Buffers.Text;
using System.Text;

namespace MemProc.Interop;

/// <summary>
/// One line of <c>/proc/PID/mountinfo</c> (<c>show_mountinfo</c> in <c>fs/proc_namespace.c</c>):
/// <c>id parent major:minor root mountpoint options [tags…] - type source superoptions</c>.
/// </summary>
public readonly ref struct MountInfoLine
{
    /// <summary>Major number of the file system's device.</summary>
    public uint DeviceMajor { get; private init; }

    /// <summary>Minor number of the file system's device.</summary>
    public uint DeviceMinor { get; private init; }

    /// <summary>Which folder of the file system is mounted; <c>/</c>: all. Escaped as the kernel wrote it.</summary>
    public ReadOnlySpan<byte> Root { get; private init; }

    /// <summary>Where it is mounted. Escaped as the kernel wrote it.</summary>
    public ReadOnlySpan<byte> MountPoint { get; private init; }

    /// <summary>Type of the file system: <c>ext4</c>, <c>cgroup2</c>.</summary>
    public ReadOnlySpan<byte> FileSystem { get; private init; }

    /// <summary>Options of the file system as such, commas between them.</summary>
    public ReadOnlySpan<byte> SuperOptions { get; private init; }

    /// <summary>Parses a line, with or without its newline. False where it is no such line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out MountInfoLine result)
    {
        result = default;
        ReadOnlySpan<byte> rest = line.TrimEnd("\n"u8);
        // The mount's own number and its parent's are of no use here.
        _ = NextWord(ref rest);
        _ = NextWord(ref rest);
        ReadOnlySpan<byte> device = NextWord(ref rest);
        ReadOnlySpan<byte> root = NextWord(ref rest);
        ReadOnlySpan<byte> mountPoint = NextWord(ref rest);
        _ = NextWord(ref rest);
        // Any number of tags, then a hyphen.
        ReadOnlySpan<byte> tag;
        do
        {
            tag = NextWord(ref rest);
        }
        while (!tag.IsEmpty && !tag.SequenceEqual("-"u8));

        ReadOnlySpan<byte> type = NextWord(ref rest);
        _ = NextWord(ref rest);
        if (type.IsEmpty || mountPoint.IsEmpty
            || !Utf8Parser.TryParse(device, out uint major, out int used)
            || used >= device.Length || device[used] != ':'
            || !Utf8Parser.TryParse(device[(used + 1)..], out uint minor, out int more)
            || used + 1 + more != device.Length)
        {
            return false;
        }

        result = new MountInfoLine
        {
            DeviceMajor = major,
            DeviceMinor = minor,
            Root = root,
            MountPoint = mountPoint,
            FileSystem = type,
            SuperOptions = NextWord(ref rest),
        };
        return true;
    }

    /// <summary>Whether one of the file system's options is this very one.</summary>
    public bool HasSuperOption(ReadOnlySpan<byte> option)
    {
        foreach (Range part in SuperOptions.Split((byte)','))
        {
            if (SuperOptions[part].SequenceEqual(option))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A path without the kernel's escapes: blanks, newlines and backslashes come as <c>\040</c>.</summary>
    public static string Unescape(ReadOnlySpan<byte> field)
    {
        if (!field.Contains((byte)'\\'))
        {
            return Encoding.UTF8.GetString(field);
        }

        byte[] bytes = new byte[field.Length];
        int length = 0;
        for (int index = 0; index < field.Length; index++)
        {
            if (field[index..] is [(byte)'\\', var high and >= (byte)'0' and <= (byte)'3',
                var middle and >= (byte)'0' and <= (byte)'7', var low and >= (byte)'0' and <= (byte)'7', ..])
            {
                bytes[length++] = (byte)((high - '0') << 6 | (middle - '0') << 3 | (low - '0'));
                index += 3;
            }
            else
            {
                bytes[length++] = field[index];
            }
        }

        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    /// <summary>Takes a word off the front; words have one blank between them, and an empty one is none.</summary>
    private static ReadOnlySpan<byte> NextWord(scoped ref ReadOnlySpan<byte> rest)
    {
        int blank = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = blank < 0 ? rest : rest[..blank];
        rest = blank < 0 ? [] : rest[(blank + 1)..];
        return word;
    }
}

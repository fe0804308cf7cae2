using System.Buffers.Text;

namespace MemProc.Interop;

/// <summary>
/// One line of <c>/proc/PID/mountinfo</c> (<c>show_mountinfo</c> in <c>fs/proc_namespace.c</c>):
/// <c>id parent major:minor root mountpoint options [tags…] - type source superoptions</c>.
/// </summary>
public readonly ref struct MountInfoLine
{
    /// <summary>Id of the mount, which no other mount of any mount namespace has.</summary>
    public uint MountId { get; private init; }

    /// <summary>Major number of the file system's device.</summary>
    public uint DeviceMajor { get; private init; }

    /// <summary>Minor number of the file system's device.</summary>
    public uint DeviceMinor { get; private init; }

    /// <summary>The folder of the file system that is mounted, <c>/</c> for all of it. Escaped by the kernel.</summary>
    public ReadOnlySpan<byte> Root { get; private init; }

    /// <summary>The mount point. Escaped by the kernel.</summary>
    public ReadOnlySpan<byte> MountPoint { get; private init; }

    /// <summary>Type of the file system: <c>ext4</c>, <c>cgroup2</c>.</summary>
    public ReadOnlySpan<byte> FileSystem { get; private init; }

    /// <summary>Options of the file system (super options), separated by commas.</summary>
    public ReadOnlySpan<byte> SuperOptions { get; private init; }

    /// <summary>Parses a line, with or without its newline. Returns false if it is not such a line.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out MountInfoLine result)
    {
        result = default;
        ReadOnlySpan<byte> rest = line.TrimEnd("\n"u8);
        ReadOnlySpan<byte> id = NextWord(ref rest);
        // The id of the parent is not used.
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
            || !Utf8Parser.TryParse(id, out uint mountId, out int idLength) || idLength != id.Length
            || !Utf8Parser.TryParse(device, out uint major, out int used)
            || used >= device.Length || device[used] != ':'
            || !Utf8Parser.TryParse(device[(used + 1)..], out uint minor, out int more)
            || used + 1 + more != device.Length)
        {
            return false;
        }

        result = new MountInfoLine
        {
            MountId = mountId,
            DeviceMajor = major,
            DeviceMinor = minor,
            Root = root,
            MountPoint = mountPoint,
            FileSystem = type,
            SuperOptions = NextWord(ref rest),
        };
        return true;
    }

    /// <summary>Returns whether an option is among the options of the file system.</summary>
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

    /// <summary>Returns a path without the kernel's escapes, such as <c>\040</c> for a space.</summary>
    public static string Unescape(ReadOnlySpan<byte> field)
    {
        if (!field.Contains((byte)'\\'))
        {
            return PathText.Decode(field);
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

        return PathText.Decode(bytes.AsSpan(0, length));
    }

    /// <summary>Removes and returns the first word. Words are separated by one space; empty at the end of the line.</summary>
    private static ReadOnlySpan<byte> NextWord(scoped ref ReadOnlySpan<byte> rest)
    {
        int blank = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> word = blank < 0 ? rest : rest[..blank];
        rest = blank < 0 ? [] : rest[(blank + 1)..];
        return word;
    }
}

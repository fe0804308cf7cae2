using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>The path field of a mapping, interpreted: name, kind, and whether the file was deleted.</summary>
internal readonly record struct MapName(string RawPath, string Path, bool IsDeleted, ProcMapKind Kind)
{
    private const string DeletedSuffix = " (deleted)";
    private static readonly MapName Unnamed = new(string.Empty, string.Empty, false, ProcMapKind.Anonymous);

    /// <summary>Interprets the field.</summary>
    /// <param name="raw">The bytes as the kernel wrote them.</param>
    /// <param name="fields">The numeric fields of the mapping.</param>
    /// <param name="process">The process. Its files are looked at where the text alone is ambiguous.</param>
    public static MapName Interpret(ReadOnlySpan<byte> raw, in MapRecord fields, LinuxProcess process)
    {
        if (raw.IsEmpty)
        {
            return Unnamed;
        }

        string rawPath = Encoding.UTF8.GetString(raw);
        string path = rawPath.Replace("\\012", "\n", StringComparison.Ordinal);
        bool isDeleted = path.EndsWith(DeletedSuffix, StringComparison.Ordinal)
            && !IsNameOf(path, fields.Inode, process);
        if (isDeleted)
        {
            path = path[..^DeletedSuffix.Length];
        }

        return new MapName(rawPath, path, isDeleted, KindOf(path, fields, process));
    }

    /// <summary>Whether the mapped file really has this name, including the suffix.</summary>
    private static bool IsNameOf(string path, ulong inode, LinuxProcess process) =>
        process.TryStat(path, out FileStatus status) == Errno.None && status.Inode == inode;

    private static ProcMapKind KindOf(string path, in MapRecord fields, LinuxProcess process)
    {
        if (path[0] == '[')
        {
            return path switch
            {
                "[heap]" => ProcMapKind.Heap,
                "[stack]" => ProcMapKind.Stack,
                "[vdso]" => ProcMapKind.Vdso,
                "[vvar]" or "[vvar_vclock]" => ProcMapKind.Vvar,
                "[vsyscall]" => ProcMapKind.Vsyscall,
                _ when path.StartsWith("[anon:", StringComparison.Ordinal) => ProcMapKind.NamedAnonymous,
                _ when path.StartsWith("[anon_shmem:", StringComparison.Ordinal) => ProcMapKind.SharedMemory,
                _ when path.StartsWith("[stack:", StringComparison.Ordinal) => ProcMapKind.Stack,
                _ => ProcMapKind.Special,
            };
        }

        if (path[0] != '/')
        {
            // anon_inode:[name], socket:[n], (unreachable)/path
            return path[0] == '(' ? ProcMapKind.File : ProcMapKind.Device;
        }

        // Files of file systems without a block device have major number 0.
        if (path == "/anon_hugepage"
            || (fields.DeviceMajor == 0
                && process.HugeTlbDevices.Value.Contains((fields.DeviceMajor, fields.DeviceMinor))))
        {
            return ProcMapKind.HugePages;
        }

        if (path == "/dev/zero" || path.StartsWith("/dev/shm/", StringComparison.Ordinal)
            || path.StartsWith("/memfd:", StringComparison.Ordinal)
            || path.StartsWith("/SYSV", StringComparison.Ordinal))
        {
            return ProcMapKind.SharedMemory;
        }

        return path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/dmabuf:", StringComparison.Ordinal)
            ? ProcMapKind.Device
            : ProcMapKind.File;
    }
}

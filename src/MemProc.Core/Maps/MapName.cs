using MemProc.Interop;

namespace MemProc;

/// <summary>The path field of a mapping, interpreted: name, kind, and whether the file was deleted.</summary>
internal readonly record struct MapName(string RawPath, string Path, bool IsDeleted, ProcMapKind Kind)
{
    private const string DeletedSuffix = " (deleted)";
    private const string EscapedNewline = "\\012";
    private static readonly MapName Unnamed = new(string.Empty, string.Empty, false, ProcMapKind.Anonymous);

    /// <summary>Interprets the field.</summary>
    /// <param name="raw">The bytes as the kernel wrote them.</param>
    /// <param name="fields">The numeric fields of the mapping.</param>
    /// <param name="process">The process. Its files are looked at where the text alone is ambiguous.</param>
    /// <param name="cancellation">Stops the wait for a file system that does not answer.</param>
    /// <param name="exact">The same without escaped newlines; null: not known.</param>
    public static MapName Interpret(
        ReadOnlySpan<byte> raw, in MapRecord fields, MemoryTarget process, CancellationToken cancellation,
        byte[]? exact = null)
    {
        if (raw.IsEmpty)
        {
            return Unnamed;
        }

        string rawPath = PathText.Decode(raw);
        string path = exact is not null ? PathText.Decode(exact)
            : rawPath.Contains(EscapedNewline, StringComparison.Ordinal) ? WithNewlines(rawPath, fields, process)
            : rawPath;
        bool isDeleted = path.EndsWith(DeletedSuffix, StringComparison.Ordinal) && !IsNameOf(path, fields, process, cancellation);
        if (isDeleted)
        {
            path = path[..^DeletedSuffix.Length];
        }

        return new MapName(rawPath, path, isDeleted, KindOf(path, fields, process));
    }

    /// <summary>
    /// Returns the name of a mapping in which a newline is escaped. The list does not escape backslashes, so that the
    /// text can also be the name itself: the kernel is asked for the mapping (since Linux 6.11).
    /// </summary>
    private static string WithNewlines(string rawPath, in MapRecord fields, MemoryTarget process)
    {
        if (fields.Start <= long.MaxValue && process.MapQueries is { } queries && ProcMapQuery.TryQuery(
                queries, fields.Start, orNext: false, out ProcMapQueryArgument answer, out byte[] name) == Errno.None
            && MapRecord.From(answer) == fields
            && PathText.Decode(name) is string exact
            && exact.Replace("\n", EscapedNewline, StringComparison.Ordinal) == rawPath)
        {
            return exact;
        }

        return rawPath.Replace(EscapedNewline, "\n", StringComparison.Ordinal);
    }

    /// <summary>
    /// Whether the mapped file really has this name, including the suffix. Of a core the file is not at hand, and the
    /// suffix is taken for the kernel's.
    /// </summary>
    private static bool IsNameOf(
        string path, in MapRecord fields, MemoryTarget process, CancellationToken cancellation) =>
        process.CorePath is null && process.NamedFiles.FromMaps(path) is string name
        && process.NamedFiles.TryStat(name, cancellation, out FileStatus status) == Errno.None
        && (fields.IsOf(status)
            // File systems such as btrfs report another device in statx than in the list of mappings.
            || (process.NamedFiles.TryStatMapping(fields.Start, fields.End, cancellation, out FileStatus mapped)
                == Errno.None && mapped.IsSameFileAs(status)));

    private static ProcMapKind KindOf(string path, in MapRecord fields, MemoryTarget process)
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

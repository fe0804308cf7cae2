using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// What the memory cgroup of a process may use, and uses: it and the cgroups above it, whose limits apply as well. A number
/// is null where the hierarchy does not have it, and the largest number where there is no limit.
/// </summary>
internal sealed record CgroupMemory
{
    /// <summary>Limits of version 1 from here on are none: the largest number of pages.</summary>
    private const ulong NoLimitOfVersion1 = 0x7fff_ffff_ffff_0000;

    /// <summary>Path in the hierarchy.</summary>
    public required string Path { get; init; }

    /// <summary>Bytes in use: <c>memory.current</c>, <c>memory.usage_in_bytes</c>.</summary>
    public ulong? CurrentBytes { get; init; }

    /// <summary>The limit in bytes: <c>memory.max</c>, <c>memory.limit_in_bytes</c>.</summary>
    public ulong? MaxBytes { get; init; }

    /// <summary>Bytes from which on memory is reclaimed: <c>memory.high</c>; version 1 has none.</summary>
    public ulong? HighBytes { get; init; }

    /// <summary>Bytes in swap: <c>memory.swap.current</c>; for version 1, calculated.</summary>
    public ulong? SwapCurrentBytes { get; init; }

    /// <summary>The limit of swap: <c>memory.swap.max</c>; version 1 limits only memory and swap together.</summary>
    public ulong? SwapMaxBytes { get; init; }

    /// <summary>Bytes up to the nearest limit of the cgroup or one above it.</summary>
    public ulong? AvailableBytes { get; init; }

    /// <summary>Path of the cgroup with that limit; null where none has a limit.</summary>
    public string? LimitingPath { get; init; }

    /// <summary>
    /// Reads the cgroup of a process; null where it has none, or its folder is not visible. Of a core it is the path alone.
    /// </summary>
    /// <param name="target">The process.</param>
    public static CgroupMemory? Read(MemoryTarget target)
    {
        if (target is not LinuxProcess process)
        {
            return SavedNameOf(target) is string saved ? new CgroupMemory { Path = saved } : null;
        }

        if (CgroupMount.Find(process.Files) is not CgroupMount mount || NameOf(process, mount) is not string name
            || mount.BelowOf(name) is not string below)
        {
            return null;
        }

        bool isVersion2 = mount.IsVersion2;
        ulong? current = isVersion2 ? Number(mount, below, "memory.current") : Number(mount, below, "memory.usage_in_bytes");
        CgroupLimit[] limits = [.. Limits(mount, below)];
        CgroupLimit? nearest = limits.Cast<CgroupLimit?>().Where(limit => limit?.LeftBytes is not null)
            .MinBy(limit => limit?.LeftBytes);
        return new CgroupMemory
        {
            Path = name,
            CurrentBytes = current,
            MaxBytes = Number(mount, below, isVersion2 ? "memory.max" : "memory.limit_in_bytes"),
            HighBytes = isVersion2 ? Number(mount, below, "memory.high") : null,
            SwapCurrentBytes = isVersion2
                ? Number(mount, below, "memory.swap.current")
                : Saturate(Number(mount, below, "memory.memsw.usage_in_bytes"), current),
            SwapMaxBytes = isVersion2 ? Number(mount, below, "memory.swap.max") : null,
            AvailableBytes = nearest?.LeftBytes ?? (limits.Length > 0 ? ulong.MaxValue : null),
            LimitingPath = nearest is CgroupLimit limit ? mount.NameOf(limit.Below) : null,
        };
    }

    /// <summary>
    /// Returns the limits that apply in a cgroup: its own one, and those of the cgroups above it. The root of a hierarchy
    /// has no limit, and in version 2 no such files.
    /// </summary>
    /// <param name="mount">The hierarchy.</param>
    /// <param name="below">The cgroup's path below the mount.</param>
    public static IEnumerable<CgroupLimit> Limits(CgroupMount mount, string below)
    {
        string maxFile = mount.IsVersion2 ? "memory.max" : "memory.limit_in_bytes";
        string currentFile = mount.IsVersion2 ? "memory.current" : "memory.usage_in_bytes";
        for (string? at = below; at is not null; at = at.Length == 0 ? null : System.IO.Path.GetDirectoryName(at) ?? string.Empty)
        {
            if (Number(mount, at, maxFile) is ulong max)
            {
                yield return new CgroupLimit(at, max, Number(mount, at, currentFile));
            }
        }
    }

    private static ulong? Saturate(ulong? minuend, ulong? subtrahend) =>
        minuend is ulong whole && subtrahend is ulong part ? whole - Math.Min(whole, part) : null;

    /// <summary>Returns the path of the memory cgroup of a process in the hierarchy, as <c>/proc/PID/cgroup</c> has it.</summary>
    private static string? NameOf(LinuxProcess process, CgroupMount mount) =>
        Lines(process).Select(mount.NameIn).FirstOrDefault(name => name is not null);

    /// <summary>
    /// Returns the path in the list of cgroups of a core: that of the hierarchy of version 1 with the memory controller, or
    /// of version 2. Null where there is none.
    /// </summary>
    private static string? SavedNameOf(MemoryTarget core)
    {
        try
        {
            string? name = null;
            foreach (string line in Lines(core))
            {
                switch (line.Split(':', 3))
                {
                    case [_, string controllers, string path] when controllers.Split(',').Contains("memory"):
                        return path;
                    case ["0", "", string path]:
                        name = path;
                        break;
                }
            }

            return name;
        }
        catch (MemProcException error) when (error.Errno == Errno.ENODATA)
        {
            return null;
        }
    }

    private static IEnumerable<string> Lines(MemoryTarget target)
    {
        using ProcfsLines lines = new(target, "cgroup", Operation.ReadStatus);
        while (lines.MoveNext())
        {
            yield return PathText.Decode(lines.Current);
        }
    }

    private static ulong? Number(CgroupMount mount, string below, string file)
    {
        string path = System.IO.Path.Combine(mount.MountPoint, below, file);
        if (Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out var handle) != Errno.None)
        {
            return null;
        }

        using (handle)
        {
            Span<byte> buffer = stackalloc byte[64];
            if (Libc.TryPRead(handle!, buffer, 0, out int read) != Errno.None)
            {
                return null;
            }

            ReadOnlySpan<byte> text = buffer[..read].TrimEnd((byte)'\n');
            return text.SequenceEqual("max"u8) ? ulong.MaxValue
                : !ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? null
                : !mount.IsVersion2 && number >= NoLimitOfVersion1 ? ulong.MaxValue
                : number;
        }
    }
}

/// <summary>The memory limit of a cgroup.</summary>
/// <param name="Below">Path of the cgroup below the mount of its hierarchy.</param>
/// <param name="MaxBytes">The limit; the largest number where there is none.</param>
/// <param name="CurrentBytes">Bytes in use; null where that cannot be read.</param>
internal readonly record struct CgroupLimit(string Below, ulong MaxBytes, ulong? CurrentBytes)
{
    /// <summary>Bytes up to the limit; null where there is none, or the use is not known.</summary>
    public ulong? LeftBytes => MaxBytes != ulong.MaxValue && CurrentBytes is ulong used ? MaxBytes - Math.Min(MaxBytes, used) : null;
}

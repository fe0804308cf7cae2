using System.Globalization;

namespace MemProc;

/// <summary>The memory that this program can still use without swap.</summary>
internal static class AvailableMemory
{
    /// <summary>
    /// Returns the available bytes: those of the machine, or what the memory cgroups of this program leave where that is
    /// less. The page cache counts as available.
    /// </summary>
    /// <param name="files">Where procfs and sysfs are.</param>
    public static ulong Bytes(KernelFiles files)
    {
        ulong available = MachineMemory.Read(files).TryGetValue("MemAvailable", out ulong bytes)
            ? bytes
            : (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (CgroupMount.Find(files) is not CgroupMount mount || mount.BelowOfSelf(files) is not string cgroup)
        {
            return available;
        }

        return CgroupMemory.Limits(mount, cgroup)
            .Where(limit => limit.LeftBytes is not null)
            .Select(limit => limit.MaxBytes - Math.Min(limit.MaxBytes, limit.CurrentBytes!.Value - CacheBytes(mount, limit)))
            .Append(available).Min();
    }

    /// <summary>Returns the page cache of a cgroup that is not in use: version 1 counts that of the cgroups below apart.</summary>
    private static ulong CacheBytes(CgroupMount mount, in CgroupLimit limit)
    {
        string counters = Path.Combine(mount.MountPoint, limit.Below, "memory.stat");
        ulong cache = Number(counters, "total_inactive_file ") ?? Number(counters, "inactive_file ") ?? 0;
        return Math.Min(cache, limit.CurrentBytes!.Value);
    }

    /// <summary>Returns the number after a name at the start of a line; null where there is none.</summary>
    private static ulong? Number(string path, string name) => Lines(path)
        .Where(line => line.StartsWith(name, StringComparison.Ordinal))
        .Select(line => ulong.TryParse(line.AsSpan(name.Length), CultureInfo.InvariantCulture, out ulong number) ? number : (ulong?)null)
        .FirstOrDefault();

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}

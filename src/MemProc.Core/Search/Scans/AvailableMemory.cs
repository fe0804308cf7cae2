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
        ulong available = Number($"{files.Proc}/meminfo", "MemAvailable:") * 1024
            ?? (ulong)GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        foreach (string folder in Cgroups(files))
        {
            // Version 2, then version 1, in which a cgroup without a limit has a very large one.
            if ((Number($"{folder}/memory.max") ?? Number($"{folder}/memory.limit_in_bytes")) is ulong limit
                && (Number($"{folder}/memory.current") ?? Number($"{folder}/memory.usage_in_bytes")) is ulong used)
            {
                string counters = $"{folder}/memory.stat";
                ulong cache = Number(counters, "inactive_file ") ?? 0;
                used -= Math.Min(used, Number(counters, "total_inactive_file ") ?? cache);
                available = Math.Min(available, limit - Math.Min(used, limit));
            }
        }

        return available;
    }

    /// <summary>Returns the folders of the memory cgroup of this program and of those around it.</summary>
    private static IEnumerable<string> Cgroups(KernelFiles files)
    {
        if (CgroupMount.Find(files) is not CgroupMount mount)
        {
            yield break;
        }

        string root = mount.Root.TrimEnd('/');
        foreach (string line in Lines($"{files.Proc}/self/cgroup"))
        {
            // 4:memory:/path of version 1, 0::/path of version 2.
            if (line.Split(':', 3) is [_, string controllers, string path]
                && (controllers.Length == 0 || controllers.Split(',').Contains("memory"))
                && (path == root || path.StartsWith($"{root}/", StringComparison.Ordinal)))
            {
                for (string below = path[root.Length..].TrimEnd('/'); below.Length > 0; below = below[..below.LastIndexOf('/')])
                {
                    yield return mount.MountPoint + below;
                }

                yield return mount.MountPoint;
            }
        }
    }

    /// <summary>Returns the number after a name at the start of a line; null where there is none.</summary>
    private static ulong? Number(string path, string name = "") => Lines(path)
        .Where(line => line.StartsWith(name, StringComparison.Ordinal))
        .Select(line => line[name.Length..].Trim().Split(' ')[0])
        .Select(word => ulong.TryParse(word, CultureInfo.InvariantCulture, out ulong number) ? number : (ulong?)null)
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

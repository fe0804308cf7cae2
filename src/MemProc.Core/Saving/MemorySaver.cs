namespace MemProc;

/// <summary>Saves memory of processes to files. They get their names when they are complete.</summary>
public static class MemorySaver
{
    /// <summary>What one is told whose core has no registers.</summary>
    public const string NoRegisters =
        "The process ran on while it was saved: the core has no registers, and what the process changed meanwhile may be "
        + "half in it.";

    /// <summary>What one is told of other files.</summary>
    public const string NotConsistent =
        "The process ran on while it was saved: what it changed meanwhile may be half in it.";

    /// <summary>Where a process is saved to: a core goes into a folder that is there as <c>core.PID</c>.</summary>
    /// <param name="path">The path that was given.</param>
    /// <param name="processId">The process.</param>
    /// <param name="options">How it is saved.</param>
    public static string FilePath(string path, int processId, SaveOptions options) =>
        options.Format == MemoryDumpFormat.Core && Directory.Exists(path)
            ? Path.Combine(path, options.Compress ? $"core.{processId}.gz" : $"core.{processId}")
            : path;

    /// <summary>Saves memory.</summary>
    /// <param name="process">The process.</param>
    /// <param name="ranges">Which memory; null: all of it. A range without a length is the mapping that holds it.</param>
    /// <param name="path">The core file, or the folder for raw files.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told how many bytes have been read.</param>
    /// <param name="cancellation">Stops the work; nothing is left behind then.</param>
    /// <exception cref="MemProcException">
    /// FindMap, ENOENT: nothing is mapped in a range. ReadMaps, ReadPageMap, ReadMemory: EACCES, EPERM without ptrace
    /// access; ESRCH where the process exits. StopProcess as for <see cref="ProcessStop.Hold"/>. WriteFile: EEXIST where
    /// something is there; ENOSPC. Nothing is left behind in each case.
    /// </exception>
    public static MemoryDump Save(
        LinuxProcess process, IReadOnlyList<ProcAddress>? ranges, string path, SaveOptions options,
        Action<ulong> progress, CancellationToken cancellation) => NewFile.Guarded(path, () =>
        {
            DateTime time = DateTime.Now;
            using ProcessStop? stop = options.Stop ? ProcessStop.Hold(process, cancellation) : null;
            List<TraitedMap> maps = [.. TraitedMap.Read(process, cancellation)];
            List<SavedArea> areas = Areas(process, maps, ranges, options.Format);
            using DumpWriter writer = options.Format == MemoryDumpFormat.Core
                ? new ElfCoreFile(path, options, new CoreNotes(process, stop, maps).Write)
                : new RawFolder(path, options, process.Identity, stop is not null, time);
            PageSorter sorter = new(process, options, cancellation);
            AreaCopier copier = new(process, sorter, writer, progress, cancellation);
            foreach (SavedArea area in areas)
            {
                copier.Copy(area);
            }

            int threads = stop?.ThreadIds.Count ?? 0;
            ulong size = writer.Complete(copier.SavedBytes);
            return new MemoryDump(process.Identity)
            {
                Path = path,
                Format = options.Format,
                IsCompressed = options.Compress,
                IsConsistent = stop is not null,
                MappingCount = areas.Count,
                ThreadCount = options.Format == MemoryDumpFormat.Core ? threads : 0,
                SizeBytes = size,
                SavedBytes = copier.SavedBytes,
                Gaps = copier.Gaps,
                Time = time,
            };
        });

    /// <summary>What of the mappings is wanted, in address order, each byte once.</summary>
    private static List<SavedArea> Areas(
        LinuxProcess process, List<TraitedMap> maps, IReadOnlyList<ProcAddress>? ranges, MemoryDumpFormat format)
    {
        if (ranges is null)
        {
            return [.. maps.Select(map => new SavedArea(map, map.Map.Start, map.Map.End))];
        }

        List<(ulong Start, ulong End)> wanted = [];
        foreach (ProcAddress range in ranges)
        {
            (ulong start, ulong end) = Bounds(process, maps, range);
            // A core is made of pages.
            wanted.Add(format == MemoryDumpFormat.Core
                ? (MachinePage.Floor(start), MachinePage.Ceiling(end))
                : (start, end));
        }

        wanted.Sort();
        List<SavedArea> areas = [];
        ulong done = 0;
        foreach ((ulong start, ulong end) in wanted)
        {
            for (int index = FirstBehind(maps, start); index < maps.Count && maps[index].Map.Start < end; index++)
            {
                ulong from = Math.Max(Math.Max(start, maps[index].Map.Start), done);
                ulong to = Math.Min(end, maps[index].Map.End);
                if (from < to)
                {
                    areas.Add(new SavedArea(maps[index], from, to));
                }
            }

            done = Math.Max(done, end);
        }

        return areas;
    }

    private static (ulong Start, ulong End) Bounds(LinuxProcess process, List<TraitedMap> maps, ProcAddress range)
    {
        ulong start = range.Resolve(process);
        int index = FirstBehind(maps, start);
        ProcMap? next = index < maps.Count ? maps[index].Map : null;
        if (range.Length is ulong length)
        {
            // The page of old system calls is a mapping like any other here: it is left out in words.
            ulong end = start > long.MaxValue ? start + length : UserRange.End(start, length, Operation.SaveMemory);
            return next?.Start < end ? (start, end) : throw MapReader.NotMapped(process, start);
        }

        return next?.Start <= start ? (next.Start, next.End) : throw MapReader.NotMapped(process, start);
    }

    /// <summary>The place of the first mapping that ends behind an address.</summary>
    private static int FirstBehind(List<TraitedMap> maps, ulong address)
    {
        int low = 0;
        for (int high = maps.Count; low < high;)
        {
            int middle = (low + high) / 2;
            if (maps[middle].Map.End > address)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        return low;
    }
}

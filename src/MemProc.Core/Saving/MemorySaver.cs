using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Saves memory of processes to files, which get their names when they are complete.</summary>
public static class MemorySaver
{
    /// <summary>Warning about a core without registers.</summary>
    public const string NoRegisters =
        "The process was not stopped during the save: the core has no registers, and may include changes in part that "
        + "the process made meanwhile.";

    /// <summary>Warning about other files of a process that was not stopped.</summary>
    public const string NotConsistent =
        "The process was not stopped during the save: the files may include changes in part that the process "
        + "made meanwhile.";

    /// <summary>
    /// Returns why options contradict each other; null where they do not. Messages name options without their dashes.
    /// </summary>
    /// <param name="options">The options.</param>
    public static string? Conflict(SaveOptions options) =>
        options.Format == MemoryDumpFormat.Core ? null
        : options.PageInfo ? "Only a core can have page information."
        : options.NoContent ? "Only a core can be without memory."
        : null;

    /// <summary>Returns the path of the output: in an existing directory, a core is named <c>core.PID</c>.</summary>
    /// <param name="path">The path that the user gave.</param>
    /// <param name="processId">The process.</param>
    /// <param name="options">The form of the output.</param>
    public static string FilePath(string path, int processId, SaveOptions options) =>
        options.Format == MemoryDumpFormat.Core && Directory.Exists(path)
            ? Path.Combine(path, options.Compress ? $"core.{processId}.gz" : $"core.{processId}")
            : path;

    /// <summary>Saves memory.</summary>
    /// <param name="process">The process.</param>
    /// <param name="ranges">
    /// The ranges to save; null: all memory. An address without a length stands for its mapping.
    /// </param>
    /// <param name="path">The core file, or the directory for raw files.</param>
    /// <param name="options">What is saved, and how.</param>
    /// <param name="progress">Called with the number of bytes read so far.</param>
    /// <param name="cancellation">Stops the work. Nothing of the output remains.</param>
    /// <exception cref="MemProcException">
    /// FindMap, ENOENT: nothing is mapped in a range. ReadMaps, ReadPageMap, ReadMemory: EACCES, EPERM without ptrace
    /// access; ESRCH where the process exits. StopProcess as for <see cref="ProcessStop.Begin"/>. WriteFile: EEXIST
    /// where the output exists; ENOSPC… Nothing of the output remains.
    /// </exception>
    public static MemoryDump Save(
        LinuxProcess process, IReadOnlyList<AddressExpression>? ranges, string path, SaveOptions options,
        Action<ulong> progress, CancellationToken cancellation) => AtomicFile.WithErrors(path, () =>
        {
            DateTime time = DateTime.Now;
            using ProcessStop? stop = options.Stop ? ProcessStop.Begin(process, cancellation) : null;
            List<MapWithTraits> maps = [.. MapWithTraits.Read(process, cancellation)];
            List<SavedArea> areas = Areas(process, maps, ranges, options.Format, cancellation);
            PageClassifier sorter = new(process, options, cancellation);
            PageInfoWriter? pageInfo = options.PageInfo ? new PageInfoWriter(process, cancellation) : null;
            CoreLayout layout = CoreLayout.Of(process);
            using DumpWriter writer = options.Format == MemoryDumpFormat.Core
                ? new ElfCoreWriter(path, options, layout, areas.Sum(area => (long)sorter.Classify(area).Count()),
                    new CoreNotes(process, stop, maps, layout, cancellation)
                    {
                        WithBuildIds = options is { NoContent: true, Unnamed: null },
                    }.Write,
                    pageInfo is null ? null : pageInfo.Write)
                : new RawFolderWriter(path, options, process.Identity, stop is not null, time);
            AreaCopier copier = new(process, sorter, writer, options.AllowUserfault, progress, cancellation);
            foreach (SavedArea area in areas)
            {
                copier.Copy(area);
            }

            // The rest is work on the files: the process need not wait for their device.
            int threads = stop?.ThreadIds.Count ?? 0;
            stop?.Dispose();
            ulong size = writer.Complete(copier.SavedBytes);
            return new MemoryDump(process.Identity)
            {
                Path = path,
                Format = options.Format,
                IsCompressed = options.Compress,
                HasPageInfo = options.PageInfo,
                MissingPageInfo = pageInfo?.Missing,
                IsConsistent = stop is not null,
                MappingCount = areas.Count,
                ThreadCount = options.Format == MemoryDumpFormat.Core ? threads : 0,
                SizeBytes = size,
                SavedBytes = copier.SavedBytes,
                Gaps = copier.Gaps,
                Time = time,
            };
        });

    /// <summary>Saves all memory of a process to a core without a name, which is gone when the result is disposed.</summary>
    /// <param name="process">The process.</param>
    /// <param name="options">What is saved. The core is not compressed.</param>
    /// <param name="progress">Called with the number of bytes read so far.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">
    /// As for a core with a name. WriteFile: there is no space in the folder that TMPDIR names.
    /// </exception>
    public static CoreFile SaveUnnamed(
        LinuxProcess process, SaveOptions options, Action<ulong> progress, CancellationToken cancellation)
    {
        string folder = Path.GetTempPath();
        DateTimeOffset time = DateTimeOffset.Now;
        SafeFileHandle file = AtomicFile.WithErrors(folder, () => CoreStorage.CreateUnnamed(folder));
        try
        {
            MemoryDump dump = Save(process, null, folder,
                options with { Format = MemoryDumpFormat.Core, Compress = false, Unnamed = file }, progress, cancellation);
            return CoreFile.Read(
                new CoreStorage.DecompressedSource(file, $"process {process.Id}", dump.SizeBytes), $"process {process.Id}", time);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Returns the requested parts of the mappings in address order, each byte once.</summary>
    private static List<SavedArea> Areas(
        LinuxProcess process, List<MapWithTraits> maps, IReadOnlyList<AddressExpression>? ranges, MemoryDumpFormat format,
        CancellationToken cancellation)
    {
        if (ranges is null)
        {
            return [.. maps.Select(map => new SavedArea(map, map.Map.Start, map.Map.End))];
        }

        List<(ulong Start, ulong End)> requested = [];
        foreach (AddressExpression range in ranges)
        {
            (ulong start, ulong end) = Bounds(process, maps, range, cancellation);
            // A core consists of pages.
            requested.Add(format == MemoryDumpFormat.Core
                ? (MachinePage.Floor(start), MachinePage.Ceiling(end))
                : (start, end));
        }

        requested.Sort();
        List<SavedArea> areas = [];
        ulong done = 0;
        foreach ((ulong start, ulong end) in requested)
        {
            for (int index = FirstAfter(maps, start); index < maps.Count && maps[index].Map.Start < end; index++)
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

    private static (ulong Start, ulong End) Bounds(
        LinuxProcess process, List<MapWithTraits> maps, AddressExpression range, CancellationToken cancellation)
    {
        ulong start = range.Resolve(process, cancellation);
        int index = FirstAfter(maps, start);
        ProcMap? next = index < maps.Count ? maps[index].Map : null;
        if (range.Length is ulong length)
        {
            // The vsyscall page, beyond user space, is a mapping like any other here, and is reported as left out.
            ulong end = start > long.MaxValue ? start + length : UserRange.End(start, length, Operation.SaveMemory);
            return next?.Start < end ? (start, end) : throw MapReader.NotMapped(process, start);
        }

        return next?.Start <= start ? (next.Start, next.End) : throw MapReader.NotMapped(process, start);
    }

    /// <summary>Returns the index of the first mapping that ends after an address.</summary>
    private static int FirstAfter(List<MapWithTraits> maps, ulong address)
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

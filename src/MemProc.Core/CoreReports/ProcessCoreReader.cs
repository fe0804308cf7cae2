using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>Describes core files.</summary>
public static class ProcessCoreReader
{
    /// <summary>Threads whose instructions are resolved. A hostile core can name more than a process can have.</summary>
    private const int MaxThreads = 1 << 16;

    /// <summary>Bytes of the auxiliary vector that are described: many times those of the kernel.</summary>
    private const int MaxAuxiliaryBytes = 4096;

    /// <summary>Names of the signals by number, from 1 (signal(7), the same on x86 and arm).</summary>
    private static readonly string[] SignalNames =
    [
        "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV",
        "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN",
        "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
    ];

    /// <summary>Describes a core.</summary>
    /// <param name="core">The core.</param>
    /// <param name="warn">Called once for each reason why answers are incomplete.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">ReadMaps, ReadElf: it cannot be read.</exception>
    public static ProcessCore Read(CoreFile core, Action<string>? warn = null, CancellationToken cancellation = default)
    {
        CoreContents contents = core.Contents;
        ProcMap[] maps = [.. MapReader.Read(core, cancellation)];
        int headless = CountWithoutHeader(core, maps);
        // That there are no symbols is one of the sentences about what is missing then.
        using Symbolizer symbolizer = new(core, cancellation: cancellation) { Warn = headless > 0 ? null : warn };
        CoreThread[] threads = [.. core.Threads.Take(MaxThreads)];
        Dictionary<ulong, string> locations = [];
        ulong? fault = contents.SignalInfo is { Signal: 4 or 5 or 7 or 8 or 11, Code: > 0 and < 0x80 } info ? info.Address : null;
        ulong[] addresses = [.. threads.SelectMany(thread => new[] { thread.InstructionPointer, thread.StackPointer })
            .Append(fault).OfType<ulong>().Distinct()];
        foreach (ResolvedAddress found in symbolizer.Resolve(addresses, _ => { }))
        {
            locations[found.Address] = found.Location;
        }

        int signal = contents.SignalInfo?.Signal ?? threads.FirstOrDefault()?.Signal ?? 0;
        ulong mapped = maps.Aggregate(0UL, (sum, map) => sum + map.SizeBytes);
        return new ProcessCore(core.Identity)
        {
            CommandLine = contents.CommandLine,
            ParentId = contents.ParentId,
            UserId = contents.UserId,
            GroupId = contents.GroupId,
            Machine = core.Machine,
            Bits = core.Bits,
            Kernel = core.TryReadMachineText("version")?.TrimEnd(),
            Time = core.Time.LocalDateTime,
            Signal = signal == 0 ? null : signal,
            SignalName = signal >= 1 && signal <= SignalNames.Length ? SignalNames[signal - 1] : null,
            FaultAddress = fault,
            FaultLocation = Location(fault),
            Threads = [.. threads.Select(thread => new ProcessCoreThread(core.Identity, thread,
                Location(thread.InstructionPointer), Location(thread.StackPointer)))],
            AuxiliaryVector = [.. Auxiliary(contents.Auxiliary)],
            Images = Images(core, maps, cancellation),
            MappingCount = maps.Length,
            MappedBytes = mapped,
            SavedBytes = core.SavedBytes,
            TruncatedBytes = core.TruncatedBytes,
            FileSizeBytes = core.SizeBytes,
            Missing = [.. Missing(core, headless, mapped)],
        };

        string? Location(ulong? address) => address is ulong at ? locations.GetValueOrDefault(at) : null;
    }

    private static IEnumerable<ProcessCoreAuxiliary> Auxiliary(byte[] bytes)
    {
        foreach ((ulong type, ulong value) in AuxiliaryVector.Parse(
            bytes.AsSpan(0, Math.Min(bytes.Length, MaxAuxiliaryBytes)), out _).Where(entry => entry.Type <= int.MaxValue))
        {
            yield return new ProcessCoreAuxiliary(
                (int)type, AuxiliaryVector.NameOf(type) ?? type.ToString(CultureInfo.InvariantCulture), value);
        }
    }

    private static ProcessCoreImage[] Images(CoreFile core, ProcMap[] maps, CancellationToken cancellation)
    {
        List<ProcessCoreImage> images = [];
        foreach (string path in maps.Where(map => map.CanContainElf && map.Path.StartsWith('/')).Select(map => map.RawPath)
            .Distinct().Take(CoreBacking.MaxFiles))
        {
            cancellation.ThrowIfCancellationRequested();
            if (core.Backing.BuildIdOf(path) is string id)
            {
                using ElfFileSource? file = core.Backing.TryOpen(path, cancellation, out _);
                images.Add(new ProcessCoreImage(path, id, file is not null));
            }
        }

        return [.. images];
    }

    /// <summary>Returns the number of mapped programs and libraries of which the core has neither ELF header nor build id.</summary>
    private static int CountWithoutHeader(CoreFile core, ProcMap[] maps) =>
        maps.Where(map => map.Path.StartsWith('/')).GroupBy(map => map.RawPath).Count(file =>
            file.Any(map => map.IsExecutable) && file.First() is { Offset: 0 } first && !core.Memory.Has(first.Start)
            && core.Backing.BuildIdOf(first.RawPath) is null);

    private static IEnumerable<string> Missing(CoreFile core, int headless, ulong mappedBytes)
    {
        if (core.StorageFault is string storage)
        {
            yield return $"The compressed file was cut off or is damaged: {SafeText.Escape(storage)}";
        }

        if (core.TruncatedBytes > 0)
        {
            yield return $"The file was cut off: {HumanSize.Format(core.TruncatedBytes)} of memory are missing.";
        }

        if (core.Contents.Fault is MemProcException fault)
        {
            yield return $"A part of the notes: {fault.Message}";
        }

        if (core.Threads.Count == 0)
        {
            yield return "Threads and registers: the process was not stopped when it was saved.";
        }

        if (core.Contents.Auxiliary.Length == 0)
        {
            yield return "The auxiliary vector.";
        }

        if (!core.IsOfMemProc)
        {
            yield return "Names of anonymous memory, inodes, and whether mappings are shared: only cores of MemProc have them.";
        }

        if (headless > 0)
        {
            yield return $"The ELF headers of {headless} mapped files, by which the files on this machine are recognized: there "
                + $"are no symbols and no code of these.{(core.IsOfMemProc ? string.Empty : " coredump_filter decides about them (core(5)).")}";
        }

        if (core is { IsOfMemProc: true, HasPageInfo: false })
        {
            yield return "Page information: Save-ProcessMemory -PageInfo adds it.";
        }

        if (core.SavedBytes < mappedBytes)
        {
            yield return $"The content of {HumanSize.Format(mappedBytes - core.SavedBytes)} of {HumanSize.Format(mappedBytes)} that "
                + "were mapped.";
        }
    }
}

namespace MemProc;

/// <summary>
/// The memory counters of a process with the limits that apply to it. A limit that does not exist is the largest number; a
/// number that this kernel does not have, or does not show to this user (<see cref="HiddenFiles"/>), is null.
/// </summary>
public sealed class ProcMemoryHeadroom : ProcMemoryStatus
{
    private readonly Dictionary<string, ulong> _limits;
    private readonly Dictionary<string, string> _ksm;
    private readonly CgroupMemory? _cgroup;
    private readonly Dictionary<string, ulong> _system;

    internal ProcMemoryHeadroom(
        ProcMemoryStatus status, int? mapCount, Dictionary<string, ulong> limits, Dictionary<string, string> ksm,
        CgroupMemory? cgroup, Dictionary<string, ulong> system, IReadOnlyList<string> hiddenFiles)
        : base(status)
    {
        MapCount = mapCount;
        _limits = limits;
        _ksm = ksm;
        _cgroup = cgroup;
        _system = system;
        HiddenFiles = [.. hiddenFiles];
    }

    /// <summary>Number of mappings.</summary>
    public int? MapCount { get; }

    /// <summary>Number of mappings that a process can have: <c>vm.max_map_count</c>.</summary>
    public ulong? MaxMapCount { get; internal init; }

    /// <summary>The limit for <see cref="ProcMemoryStatus.VmSizeBytes"/> (RLIMIT_AS).</summary>
    public ulong? AddressSpaceLimitBytes => Limit("Max address space");

    /// <summary>The limit for <see cref="ProcMemoryStatus.VmLckBytes"/> (RLIMIT_MEMLOCK).</summary>
    public ulong? LockedLimitBytes => Limit("Max locked memory");

    /// <summary>The limit for <see cref="ProcMemoryStatus.VmDataBytes"/> (RLIMIT_DATA).</summary>
    public ulong? DataLimitBytes => Limit("Max data size");

    /// <summary>The limit for the stack of the main thread (RLIMIT_STACK).</summary>
    public ulong? StackLimitBytes => Limit("Max stack size");

    /// <summary>
    /// How likely the process is killed when memory runs out: 0 to 2000, relative to the memory that it may use.
    /// </summary>
    public int? OomScore { get; internal init; }

    /// <summary>What is added to that score, by configuration: -1000 (never killed) to 1000.</summary>
    public int? OomScoreAdj { get; internal init; }

    /// <summary>Path of its memory cgroup in the hierarchy.</summary>
    public string? CgroupPath => _cgroup?.Path;

    /// <summary>Bytes that the cgroup uses, by all its processes (<c>memory.current</c>).</summary>
    public ulong? CgroupCurrentBytes => _cgroup?.CurrentBytes;

    /// <summary>Bytes from which on the kernel reclaims memory of the cgroup (<c>memory.high</c>); version 1 has none.</summary>
    public ulong? CgroupHighBytes => _cgroup?.HighBytes;

    /// <summary>Bytes that the cgroup may use (<c>memory.max</c>).</summary>
    public ulong? CgroupMaxBytes => _cgroup?.MaxBytes;

    /// <summary>Bytes of the cgroup in swap.</summary>
    public ulong? CgroupSwapCurrentBytes => _cgroup?.SwapCurrentBytes;

    /// <summary>Bytes that the cgroup may have in swap (<c>memory.swap.max</c>); version 1 has none.</summary>
    public ulong? CgroupSwapMaxBytes => _cgroup?.SwapMaxBytes;

    /// <summary>Bytes up to the nearest limit of the cgroup, or of a visible one above it.</summary>
    public ulong? CgroupAvailableBytes => _cgroup?.AvailableBytes;

    /// <summary>Path of the cgroup with that limit; null where none has a limit.</summary>
    public string? CgroupLimitingPath => _cgroup?.LimitingPath;

    /// <summary>Bytes that the machine can still provide without swapping (MemAvailable).</summary>
    public ulong? SystemAvailableBytes => System("MemAvailable");

    /// <summary>Bytes of swap of the machine.</summary>
    public ulong? SystemSwapTotalBytes => System("SwapTotal");

    /// <summary>Bytes of it that are free.</summary>
    public ulong? SystemSwapFreeBytes => System("SwapFree");

    /// <summary>Pages that KSM has merged with identical ones (5.18).</summary>
    public ulong? KsmMergingPages { get; internal init; }

    /// <summary>Pages that KSM has replaced by the zero page (6.6).</summary>
    public ulong? KsmZeroPages => MemoryHeadroomReader.Number(Ksm("ksm_zero_pages"));

    /// <summary>Records that KSM keeps for pages of the process (6.1).</summary>
    public ulong? KsmRmapItems => MemoryHeadroomReader.Number(Ksm("ksm_rmap_items"));

    /// <summary>Bytes that merging saves, less the bytes of the records; negative where it costs more (6.4).</summary>
    public long? KsmProfitBytes => MemoryHeadroomReader.SignedNumber(Ksm("ksm_process_profit"));

    /// <summary>Whether all memory of the process is to be merged: prctl(PR_SET_MEMORY_MERGE) (6.16).</summary>
    public bool? IsKsmMergeAny => Ksm("ksm_merge_any") is string text ? text == "yes" : null;

    /// <summary>Names of files in <c>/proc/PID</c> that this user may not read, so that their numbers are null.</summary>
    public OutputList<string> HiddenFiles { get; }

    private ulong? Limit(string name) => _limits.TryGetValue(name, out ulong limit) ? limit : null;

    private ulong? System(string name) => _system.TryGetValue(name, out ulong bytes) ? bytes : null;

    private string? Ksm(string name) => _ksm.GetValueOrDefault(name);
}

namespace MemProc;

/// <summary>
/// The memory counters of a process from <c>/proc/PID/status</c>. A counter that this kernel does not have is null, not 0.
/// </summary>
public class ProcMemoryStatus : ProcessOutput
{
    internal ProcMemoryStatus(
        ProcessIdentity process, string? state, int? threadCount, Dictionary<string, ulong> counters)
    {
        Process = process;
        State = state;
        ThreadCount = threadCount;
        Counters = new(counters);
    }

    /// <summary>Copies the counters, for a derived type.</summary>
    private protected ProcMemoryStatus(ProcMemoryStatus status)
    {
        Process = status.Process;
        State = status.State;
        ThreadCount = status.ThreadCount;
        Counters = status.Counters;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>State of the main thread as the kernel names it: <c>running</c>, <c>sleeping</c>…</summary>
    public string? State { get; }

    /// <summary>Number of threads.</summary>
    public int? ThreadCount { get; }

    /// <summary>
    /// Every counter in bytes by the kernel's name, in the kernel's order, including those unknown to this version.
    /// </summary>
    public OutputTable<string> Counters { get; }

    /// <summary>Peak of <see cref="VmSizeBytes"/>.</summary>
    public ulong? VmPeakBytes => this["VmPeak"];

    /// <summary>Size of all mappings, used or not.</summary>
    public ulong? VmSizeBytes => this["VmSize"];

    /// <summary>Size of locked mappings.</summary>
    public ulong? VmLckBytes => this["VmLck"];

    /// <summary>Pinned pages, such as for DMA.</summary>
    public ulong? VmPinBytes => this["VmPin"];

    /// <summary>Peak of <see cref="VmRssBytes"/> ("high water mark").</summary>
    public ulong? VmHwmBytes => this["VmHWM"];

    /// <summary>
    /// Resident bytes: the sum of <see cref="RssAnonBytes"/>, <see cref="RssFileBytes"/> and
    /// <see cref="RssShmemBytes"/>. Kernels with per-CPU counters can lag by some pages per CPU.
    /// </summary>
    public ulong? VmRssBytes => this["VmRSS"];

    /// <summary>Resident anonymous memory (4.5).</summary>
    public ulong? RssAnonBytes => this["RssAnon"];

    /// <summary>Resident pages of files (4.5).</summary>
    public ulong? RssFileBytes => this["RssFile"];

    /// <summary>Resident shared memory: System V, POSIX, tmpfs, shared anonymous (4.5).</summary>
    public ulong? RssShmemBytes => this["RssShmem"];

    /// <summary>Size of private writable mappings except the stack.</summary>
    public ulong? VmDataBytes => this["VmData"];

    /// <summary>Size of stacks.</summary>
    public ulong? VmStkBytes => this["VmStk"];

    /// <summary>Size of the code of the program.</summary>
    public ulong? VmExeBytes => this["VmExe"];

    /// <summary>Size of the code of libraries.</summary>
    public ulong? VmLibBytes => this["VmLib"];

    /// <summary>Page tables, of all levels since 4.15.</summary>
    public ulong? VmPteBytes => this["VmPTE"];

    /// <summary>Anonymous memory in swap; swapped shared memory is not counted.</summary>
    public ulong? VmSwapBytes => this["VmSwap"];

    /// <summary>Memory in hugetlb pages; not part of <see cref="VmRssBytes"/> (4.4).</summary>
    public ulong? HugetlbPagesBytes => this["HugetlbPages"];

    /// <summary>A counter; null where the kernel does not have it.</summary>
    private protected ulong? this[string counter] => Counters.TryGetValue(counter, out ulong value) ? value : null;

    /// <summary>Returns process and resident bytes.</summary>
    public override string ToString() => $"{Process}: {(VmRssBytes is ulong resident ? HumanSize.Format(resident) : "?")}";
}

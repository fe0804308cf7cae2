namespace MemProc.Tests;

/// <summary>A boot of a kernel, and what runs in it.</summary>
/// <param name="Name">Its name, in the names of the tests.</param>
/// <param name="Kernel">The first characters of the kernel's release.</param>
/// <param name="Parameters">Words of the kernel's command line.</param>
/// <param name="Parts">What runs in it, by the names of <see cref="GuestParts"/>.</param>
internal sealed record GuestConfiguration(string Name, string Kernel, string Parameters, params string[] Parts)
{
    /// <summary>Whether it is booted by a usual test run; the others only where the variable MEMPROC_GUEST_RUN is all.</summary>
    public bool IsUsual { get; init; }

    /// <summary>A pattern of words with which commands refuse to read the kernel's memory in this boot.</summary>
    public string KernelReasons { get; init; } = string.Empty;

    /// <summary>A pattern of words with which commands refuse to read the memory of processes in this boot.</summary>
    public string MemoryReasons { get; init; } = string.Empty;

    /// <summary>Parts of which no test may be skipped: the kernel has all that they need.</summary>
    public IReadOnlyList<string> CompleteParts { get; init; } = [];

    /// <summary>A command of the shell that runs before the parts.</summary>
    public string Prepare { get; init; } = ":";

    /// <summary>Debian's kernels begin with 3, which refuses breakpoints to all users without rights.</summary>
    private const string AllowWatches = "echo 2 > /proc/sys/kernel/perf_event_paranoid";

    /// <summary>
    /// All configurations. With <c>-cpu max</c> the processor has five levels of page tables. What sets ptrace_scope to 3
    /// comes last.
    /// </summary>
    public static IReadOnlyList<GuestConfiguration> All { get; } =
    [
        new("6.12", "6.12.", "", "commands", "poison", "sources") { IsUsual = true },
        new("6.12 all", "6.12.", "", "cmdlets", "tracking", "swap", "frames", "frames-kcore", "compare", "processes")
        {
            CompleteParts = ["swap"], Prepare = AllowWatches,
        },
        new("6.12 rights", "6.12.", "", "rights"),
        new("6.12 4 levels", "6.12.", "no5lvl", "commands", "sources"),
        new("6.12 pti", "6.12.", "pti=on", "commands", "sources"),
        new("6.12 lockdown=integrity", "6.12.", "lockdown=integrity", "commands", "cmdlets"),
        new("6.12 lockdown=confidentiality", "6.12.", "lockdown=confidentiality", "commands", "cmdlets")
        {
            KernelReasons = "the kernel is locked down \\(confidentiality\\)",
        },
        new("6.12 yama 3", "6.12.", "", "commands")
        {
            MemoryReasons = "kernel.yama.ptrace_scope is 3", Prepare = "echo 3 > /proc/sys/kernel/yama/ptrace_scope",
        },
        new("6.1", "6.1.", "", "commands", "cmdlets", "poison", "sources", "tracking", "swap")
        {
            CompleteParts = ["swap"],
        },
        new("6.1 all", "6.1.", "", "frames", "frames-kcore", "compare", "processes", "rights") { Prepare = AllowWatches },
        new("6.1 4 levels", "6.1.", "no5lvl nocgroup2", "commands", "sources"),
        new("6.1 pti", "6.1.", "pti=on", "commands", "sources"),
        new("6.1 lockdown=confidentiality", "6.1.", "lockdown=confidentiality", "commands")
        {
            KernelReasons = "the kernel is locked down \\(confidentiality\\)",
        },
        new("idle", "6.12-memproc-", "", "commands", "cmdlets", "tracking", "poison", "sources", "swap", "page-types")
        {
            CompleteParts = ["tracking", "poison", "sources", "swap"],
        },
    ];
}

/// <summary>What can run in a guest.</summary>
internal static class GuestParts
{
    /// <summary>At the end of the name of a part: it reads the kernel's memory from /proc/kcore.</summary>
    public const string ByKcore = "-kcore";

    /// <summary>Classes of MemProc.Tests that make a part.</summary>
    public static IReadOnlyDictionary<string, string[]> Classes { get; } = new Dictionary<string, string[]>
    {
        ["poison"] = ["GuestPoisonTests"],
        ["sources"] = ["KernelSourcesTests", "KsmFlagTests"],
        ["tracking"] = ["GuestTrackingTests", "SoftDirtyTests", "PageIdleMarkerTests"],
        ["swap"] = ["GuestSwapTests"],
        ["frames"] = ["FrameTablesTests", "PageFrameReaderTests", "PageFrameMeterTests", "PhysicalMemoryReaderTests",
            "PageMapReaderTests", "PageTableReaderTests"],
        ["compare"] = ["MemoryComparerTests", "PageComparerTests", "ImageComparerTests", "MemoryAccessWatchTests", "PointerPathTests"],
        ["processes"] = ["AccessDiagnosisTests", "LinuxProcessTests", "Program32Tests", "ProcThreadTests"],
        ["page-types"] = ["PageTypesTests"],
    };

    /// <summary>Returns the classes that make a part; null where it is a script.</summary>
    public static string[]? ClassesOf(string part) =>
        Classes.GetValueOrDefault(part.EndsWith(ByKcore, StringComparison.Ordinal) ? part[..^ByKcore.Length] : part);
}

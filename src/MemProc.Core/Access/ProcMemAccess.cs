using MemProc.Interop;

namespace MemProc;

/// <summary>What can be done with the memory of a process.</summary>
public enum MemoryAbility
{
    /// <summary>Read the list of mappings (<c>/proc/PID/maps</c>).</summary>
    Maps,
    /// <summary>Read the counters of mappings (<c>/proc/PID/smaps</c>).</summary>
    Smaps,
    /// <summary>Read the state of pages (<c>/proc/PID/pagemap</c>).</summary>
    PageMap,
    /// <summary>See the frame numbers of pages in pagemap.</summary>
    FrameNumbers,
    /// <summary>Read memory by process_vm_readv(2).</summary>
    ReadProcessVm,
    /// <summary>Read memory, also without read permission, through <c>/proc/PID/mem</c>.</summary>
    ReadMem,
    /// <summary>Write writable memory.</summary>
    Write,
    /// <summary>Write private memory without write permission, through <c>/proc/PID/mem</c>.</summary>
    ForcedWrite,
    /// <summary>Stop all threads by ptrace(2).</summary>
    Stop,
    /// <summary>Read the flags of frames (<c>/proc/kpageflags</c>).</summary>
    PageFlags,
    /// <summary>Read how often frames are mapped (<c>/proc/kpagecount</c>).</summary>
    MapCounts,
    /// <summary>Read the cgroups of frames (<c>/proc/kpagecgroup</c>).</summary>
    PageCgroups,
    /// <summary>Read the page table, VMAs and struct pages in kernel memory.</summary>
    KernelTables,
    /// <summary>Clear the soft-dirty bits, so that later writes can be seen.</summary>
    SoftDirty,
    /// <summary>Mark pages as idle.</summary>
    IdlePages,
    /// <summary>Poison the frames of pages.</summary>
    Poison,
}

/// <summary>Whether this user can do one thing with the memory of one process, and why not.</summary>
public sealed class ProcMemAccess : ProcessOutput
{
    internal ProcMemAccess(ProcessIdentity process, MemoryAbility ability, AccessFinding finding)
    {
        Process = process;
        Ability = ability;
        IsAllowed = finding.Cause == AccessCause.None;
        IsPredicted = finding.IsPredicted;
        Cause = finding.Cause;
        Reason = finding.Reason;
        Remedy = finding.Remedy;
        MissingCapabilities = [.. finding.Missing.Select(CapabilityName.Of)];
    }

    /// <summary>The ability.</summary>
    public MemoryAbility Ability { get; }

    /// <summary>Whether this user has it.</summary>
    public bool IsAllowed { get; }

    /// <summary>
    /// Whether the answer is a prediction from the rights: the ability could not be tried without a change. Otherwise it was
    /// tried.
    /// </summary>
    public bool IsPredicted { get; }

    /// <summary>What refuses it; None where it is allowed.</summary>
    public AccessCause Cause { get; }

    /// <summary>Why it is refused, in sentences; empty where it is allowed.</summary>
    public string Reason { get; }

    /// <summary>The smallest change that allows it; empty where it is allowed.</summary>
    public string Remedy { get; }

    /// <summary>The capabilities that are missing: <c>CAP_SYS_PTRACE</c>. Empty where none is, or none helps.</summary>
    public OutputList<string> MissingCapabilities { get; }

    /// <inheritdoc/>
    internal override ProcessIdentity Process { get; }

    /// <summary>Formats it as a line: <c>PageMap: no. … Grant CAP_SYS_PTRACE.</c></summary>
    public override string ToString() => $"{Ability}: {(IsAllowed ? "yes" : $"no. {Reason} {Remedy}")}";
}

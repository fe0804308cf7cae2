namespace MemProc;

/// <summary>A frame to be poisoned or given back: checked, and not yet done.</summary>
public sealed class PoisonPlan
{
    internal PoisonPlan(LinuxProcess? process, ProcMap? map, ulong? address, PageFlags frame)
    {
        Process = process;
        Map = map;
        Address = address;
        Frame = frame;
    }

    /// <summary>The frame number.</summary>
    public ulong Pfn => Frame.Pfn;

    /// <summary>Address of the page in the process; null where no process has the frame, or none was given.</summary>
    public ulong? Address { get; }

    /// <summary>What the kernel knows of the frame.</summary>
    public PageFlags Frame { get; }

    /// <summary>Which frame, which page of which mapping, and what it is, in words that a person can judge.</summary>
    public string Place
    {
        get
        {
            string page = Map is null
                ? Process is null ? "of whoever has it" : $"which process {Process.Identity} does not have"
                : $"the page at 0x{Address:x} of process {Map.Process}, mapping {Map}";
            string flags = Frame.Flags.Length == 0 ? "no flags" : string.Join(',', Frame.Flags);
            string times = Frame.MapCount == 1 ? "once" : $"{Frame.MapCount} times";
            return $"frame 0x{Pfn:x} (physical address 0x{Frame.PhysicalAddress:x}), {page} ({flags}; mapped {times})";
        }
    }

    /// <summary>Others have the page too.</summary>
    internal bool IsShared { get; init; }

    /// <summary>The mapping that has the page; null like the address.</summary>
    internal ProcMap? Map { get; }

    /// <summary>The process that was given; null where none was.</summary>
    internal LinuxProcess? Process { get; }
}

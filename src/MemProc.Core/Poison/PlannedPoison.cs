namespace MemProc;

/// <summary>A frame to be poisoned or unpoisoned: checked, and not yet done.</summary>
public sealed class PlannedPoison
{
    internal PlannedPoison(LinuxProcess? process, ProcMap? map, ulong? address, PageFlags frame)
    {
        Process = process;
        Map = map;
        Address = address;
        Frame = frame;
    }

    /// <summary>The frame number.</summary>
    public ulong Pfn => Frame.Pfn;

    /// <summary>Address of the page in the process; null where the process does not map it, or none was given.</summary>
    public ulong? Address { get; }

    /// <summary>What the kernel reports about the frame.</summary>
    public PageFlags Frame { get; }

    /// <summary>Describes frame, page and mapping, so that the user can decide.</summary>
    public string Description
    {
        get
        {
            string page = Map is null
                ? Process is null ? "of any process" : $"which process {Process.Identity} does not have"
                : $"the page at 0x{Address:x} of process {Map.Process}, mapping {Map.Label}";
            string flags = Frame.Flags.Length == 0 ? "no flags" : string.Join(',', Frame.Flags);
            string times = Frame.MapCount == 1 ? "once" : $"{Frame.MapCount} times";
            return $"frame 0x{Pfn:x} (physical address 0x{Frame.PhysicalAddress:x}), {page} ({flags}; mapped {times})";
        }
    }

    /// <summary>Whether other processes map the page too.</summary>
    internal bool IsShared { get; init; }

    /// <summary>The mapping of the page; null like the address.</summary>
    internal ProcMap? Map { get; }

    /// <summary>The given process; null where none was given.</summary>
    internal LinuxProcess? Process { get; }
}

namespace MemProc;

/// <summary>A frame that was poisoned or unpoisoned, and the page that it held.</summary>
public sealed class PagePoison
{
    private readonly ProcMap? _map;

    internal PagePoison(PlannedPoison plan, bool isPoisoned)
    {
        _map = plan.Map;
        Pfn = plan.Pfn;
        Address = plan.Address;
        IsPoisoned = isPoisoned;
    }

    /// <summary>The frame number.</summary>
    public ulong Pfn { get; }

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string PfnHex => HexText.Of(Pfn);

    /// <summary>Physical address of the frame.</summary>
    public ulong PhysicalAddress => Pfn * MachinePage.SizeBytes;

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>The process id; null where no process with the frame is known.</summary>
    public int? ProcessId => _map?.ProcessId;

    /// <summary>The process' name; null like the id.</summary>
    public string? ProcessName => _map?.ProcessName;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong? ProcessStartTicks => _map?.ProcessStartTicks;

    /// <summary>Address of the page in the process; null like the id.</summary>
    public ulong? Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string? AddressHex => HexText.Of(Address);

    /// <summary>Permissions of the mapping: <c>r-xp</c>.</summary>
    public string? Permissions => _map?.Permissions;

    /// <summary>Path or name of the mapping.</summary>
    public string? Path => _map?.Path;

    /// <summary>Whether the kernel reports the frame as poisoned now, after the operation.</summary>
    public bool IsPoisoned { get; }

    /// <summary>Returns the frame and its state.</summary>
    public override string ToString() => $"0x{Pfn:x} {(IsPoisoned ? "poisoned" : "not poisoned")}";
}

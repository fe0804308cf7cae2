namespace MemProc;

/// <summary>A mapping as the kernel keeps it: its vm_area_struct.</summary>
public sealed class KernelVma
{
    private const int DeviceMinorBits = 20;

    private readonly ProcessIdentity _process;
    private readonly uint _device;

    internal KernelVma(ProcessIdentity process, ulong memory, int index, in KernelVmaFields fields)
    {
        _process = process;
        MmAddress = memory;
        Index = index;
        KernelAddress = fields.Address;
        Start = fields.Start;
        End = fields.End;
        FlagSet = fields.Flags;
        PageOffset = fields.PageOffset;
        FileAddress = fields.File == 0 ? null : fields.File;
        Inode = fields.Inode;
        _device = fields.Device;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <summary>Address of the vm_area_struct.</summary>
    public ulong KernelAddress { get; }

    /// <summary>Address of the mm_struct that it belongs to.</summary>
    public ulong MmAddress { get; }

    /// <summary>Place in the list, from 0.</summary>
    public int Index { get; }

    /// <summary>First address.</summary>
    public ulong Start { get; }

    /// <summary>First address behind the mapping.</summary>
    public ulong End { get; }

    /// <summary>Size in bytes.</summary>
    public ulong SizeBytes => End - Start;

    /// <summary>vm_flags as they are.</summary>
    public ulong FlagSet { get; }

    /// <summary>The flags whose bits mean the same in every kernel that is known, by the kernel's names without VM_.</summary>
    public IReadOnlyList<string> Flags => VmaFlagNames.Of(FlagSet);

    /// <summary>The four letters of <c>/proc/PID/maps</c>: <c>r-xp</c>.</summary>
    public string Permissions => VmaFlagNames.Letters(FlagSet);

    /// <summary>vm_pgoff: the page of the file where the mapping begins; of anonymous memory another number.</summary>
    public ulong PageOffset { get; }

    /// <summary>Offset in the file, bytes; 0 where there is no file.</summary>
    public ulong Offset => FileAddress is null ? 0 : PageOffset * MachinePage.SizeBytes;

    /// <summary>Address of the struct file; null where there is none.</summary>
    public ulong? FileAddress { get; }

    /// <summary>The file's inode; 0 where there is no file.</summary>
    public ulong Inode { get; }

    /// <summary>The device of the file system, <c>major:minor</c> in hex.</summary>
    public string Device => $"{_device >> DeviceMinorBits:x2}:{_device & ((1u << DeviceMinorBits) - 1):x2}";
}

using System.Numerics;

namespace MemProc;

/// <summary>A mapping as the kernel keeps it: its vm_area_struct.</summary>
public sealed class KernelVma : ProcessOutput
{
    private const int DeviceMinorBits = 20;

    private readonly uint _device;
    private readonly (ulong Bit, string Name)[] _tagFlags;

    internal KernelVma(
        ProcessIdentity process, ulong memory, int index, in KernelVmaRecord record, (ulong Bit, string Name)[] tagFlags)
    {
        Process = process;
        _tagFlags = tagFlags;
        MmAddress = memory;
        Index = index;
        KernelAddress = record.Address;
        Start = record.Start;
        End = record.End;
        FlagSet = record.Flags;
        PageOffset = record.PageOffset;
        PageProtection = record.PageProtection;
        FileAddress = record.File == 0 ? null : record.File;
        Inode = record.Inode;
        _device = record.Device;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>Address of the vm_area_struct.</summary>
    public ulong KernelAddress { get; }

    /// <summary><see cref="KernelAddress"/> in hex.</summary>
    public string KernelAddressHex => HexText.Of(KernelAddress);

    /// <summary>Address of the mm_struct that it belongs to.</summary>
    public ulong MmAddress { get; }

    /// <summary><see cref="MmAddress"/> in hex.</summary>
    public string MmAddressHex => HexText.Of(MmAddress);

    /// <summary>Position in the list, from 0.</summary>
    public int Index { get; }

    /// <summary>First address.</summary>
    public ulong Start { get; }

    /// <summary><see cref="Start"/> in hex.</summary>
    public string StartHex => HexText.Of(Start);

    /// <summary>First address after the mapping.</summary>
    public ulong End { get; }

    /// <summary><see cref="End"/> in hex.</summary>
    public string EndHex => HexText.Of(End);

    /// <summary>Size in bytes.</summary>
    public ulong SizeBytes => End - Start;

    /// <summary>vm_flags, all bits.</summary>
    public ulong FlagSet { get; }

    /// <summary><see cref="FlagSet"/> in hex.</summary>
    public string FlagSetHex => HexText.Of(FlagSet);

    /// <summary>
    /// The flags whose bits have the same meaning from Linux 5.10 to 6.18, and those of memory tags of arm64 where the processor
    /// has them, by the kernel's names without VM_.
    /// </summary>
    public OutputList<string> Flags => VmaFlagNames.Of(FlagSet, _tagFlags);

    /// <summary>The four letters of <c>/proc/PID/maps</c>: <c>r-xp</c>.</summary>
    public string Permissions => VmaFlagNames.Letters(FlagSet);

    /// <summary>
    /// vm_page_prot: the bits that the kernel sets in the page table entries of the mapping; null if this kernel does not
    /// describe it.
    /// </summary>
    public ulong? PageProtection { get; }

    /// <summary><see cref="PageProtection"/> in hex.</summary>
    public string? PageProtectionHex => HexText.Of(PageProtection);

    /// <summary>vm_pgoff: the page of the file at which the mapping begins; for anonymous memory another number.</summary>
    public ulong PageOffset { get; }

    /// <summary><see cref="PageOffset"/> in hex.</summary>
    public string PageOffsetHex => HexText.Of(PageOffset);

    /// <summary>Offset in the file, bytes; 0 if no file is mapped.</summary>
    public ulong Offset => FileAddress is null ? 0 : PageOffset * MachinePage.SizeBytes;

    /// <summary><see cref="Offset"/> in hex.</summary>
    public string OffsetHex => HexText.Of(Offset);

    /// <summary>Address of the struct file; null if no file is mapped.</summary>
    public ulong? FileAddress { get; }

    /// <summary><see cref="FileAddress"/> in hex.</summary>
    public string? FileAddressHex => HexText.Of(FileAddress);

    /// <summary>The file's inode number; 0 if no file is mapped.</summary>
    public ulong Inode { get; }

    /// <summary>The device of the file system, <c>major:minor</c> in hex.</summary>
    public string Device => $"{_device >> DeviceMinorBits:x2}:{_device & ((1u << DeviceMinorBits) - 1):x2}";

    /// <summary>Returns range and permissions.</summary>
    public override string ToString() => $"0x{Start:x}-0x{End:x} {Permissions}";
}

/// <summary>Names of vm_flags (<c>include/linux/mm.h</c>) whose bits are the same from Linux 5.10 to 6.18.</summary>
internal static class VmaFlagNames
{
    private const ulong Read = 1;
    private const ulong Write = 2;
    private const ulong Execute = 4;
    private const ulong Shared = 8;

    /// <summary><c>/proc/PID/maps</c> shows <c>s</c> for this flag, also where the mapping cannot be written.</summary>
    private const ulong MayShare = 0x80;

    private static readonly (ulong Bit, string Name)[] Names =
    [
        (Read, "READ"), (Write, "WRITE"), (Execute, "EXEC"), (Shared, "SHARED"), (0x10, "MAYREAD"), (0x20, "MAYWRITE"),
        (0x40, "MAYEXEC"), (MayShare, "MAYSHARE"), (0x100, "GROWSDOWN"), (0x200, "UFFD_MISSING"), (0x400, "PFNMAP"),
        (0x1000, "UFFD_WP"), (0x2000, "LOCKED"), (0x4000, "IO"), (0x8000, "SEQ_READ"), (0x1_0000, "RAND_READ"),
        (0x2_0000, "DONTCOPY"), (0x4_0000, "DONTEXPAND"), (0x8_0000, "LOCKONFAULT"), (0x10_0000, "ACCOUNT"),
        (0x20_0000, "NORESERVE"), (0x40_0000, "HUGETLB"), (0x80_0000, "SYNC"), (0x200_0000, "WIPEONFORK"),
        (0x400_0000, "DONTDUMP"), (0x800_0000, "SOFTDIRTY"), (0x1000_0000, "MIXEDMAP"), (0x2000_0000, "HUGEPAGE"),
        (0x4000_0000, "NOHUGEPAGE"), (0x8000_0000, "MERGEABLE"),
    ];

    /// <summary>The lowest bit whose meaning depends on the processor (VM_HIGH_ARCH_0).</summary>
    private const ulong FirstOfProcessor = 1UL << 32;

    /// <summary>
    /// Returns the flags of arm64's memory tags, whose bits differ between kernels, from what the kernel gave to two mappings.
    /// </summary>
    /// <param name="tagged">vm_flags of anonymous memory with PROT_MTE.</param>
    /// <param name="plain">vm_flags of the same without.</param>
    public static (ulong Bit, string Name)[] OfTags(ulong tagged, ulong plain)
    {
        ulong tag = tagged & ~plain & ~(FirstOfProcessor - 1);
        // VM_MTE_ALLOWED is the next bit, and set on all anonymous memory.
        return !BitOperations.IsPow2(tag) ? []
            : (tagged & plain & (tag << 1)) != 0 ? [(tag, "MTE"), (tag << 1, "MTE_ALLOWED")] : [(tag, "MTE")];
    }

    /// <summary>Returns the names of the bits that are set, without the bits that have no name.</summary>
    /// <param name="flags">vm_flags.</param>
    /// <param name="tagFlags">The flags of memory tags.</param>
    public static string[] Of(ulong flags, (ulong Bit, string Name)[] tagFlags) =>
        [.. Names.Concat(tagFlags).Where(flag => (flags & flag.Bit) != 0).Select(flag => flag.Name)];

    /// <summary>Returns the four letters of <c>/proc/PID/maps</c>.</summary>
    public static string Letters(ulong flags) => string.Create(4, flags, static (letters, bits) =>
    {
        letters[0] = (bits & Read) != 0 ? 'r' : '-';
        letters[1] = (bits & Write) != 0 ? 'w' : '-';
        letters[2] = (bits & Execute) != 0 ? 'x' : '-';
        letters[3] = (bits & MayShare) != 0 ? 's' : 'p';
    });
}

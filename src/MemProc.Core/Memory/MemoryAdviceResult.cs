using MemProc.Interop;

namespace MemProc;

/// <summary>What the page table has of some memory.</summary>
/// <param name="Resident">Bytes in memory.</param>
/// <param name="Swapped">Bytes in swap.</param>
/// <param name="Huge">Bytes that larger entries map; null where that was not measured, or the kernel does not report it.</param>
internal readonly record struct AdvisedBytes(ulong Resident, ulong Swapped, ulong? Huge);

/// <summary>Advice that has not been given yet.</summary>
public sealed class PlannedMemoryAdvice
{
    private readonly ProcessIdentity _process;

    internal PlannedMemoryAdvice(
        ProcessIdentity process, ProcessMemoryAdvice advice, AddressRange? range, IReadOnlyList<AddressRange> parts,
        int mapCount, ulong skippedBytes, AdvisedBytes before)
    {
        _process = process;
        Advice = advice;
        Range = range;
        Parts = parts;
        MapCount = mapCount;
        SkippedBytes = skippedBytes;
        Before = before;
    }

    /// <summary>The advice.</summary>
    public ProcessMemoryAdvice Advice { get; }

    /// <summary>Bytes of address space that it concerns.</summary>
    public ulong SizeBytes => Parts.Aggregate(0UL, (sum, part) => sum + part.SizeBytes);

    /// <summary>Bytes of these that are in memory.</summary>
    public ulong ResidentBytes => Before.Resident;

    /// <summary>Number of mappings that it concerns.</summary>
    public int MapCount { get; }

    /// <summary>Bytes of the range that it does not apply to: memory of devices and of hugetlbfs, parts of a huge page.</summary>
    public ulong SkippedBytes { get; }

    internal ProcessIdentity Process => _process;

    internal AddressRange? Range { get; }

    internal IReadOnlyList<AddressRange> Parts { get; }

    internal AdvisedBytes Before { get; }

    /// <summary>Describes the advice in a phrase, for a prompt.</summary>
    public string Describe()
    {
        string what = Advice switch
        {
            ProcessMemoryAdvice.PageOut => "Page out",
            ProcessMemoryAdvice.Cold => "Mark as cold",
            ProcessMemoryAdvice.WillNeed => "Read ahead",
            _ => "Collapse into huge pages",
        };
        string where = Range is AddressRange range ? $" at 0x{range.Start:x}" : string.Empty;
        return $"{what} {HumanSize.Format(SizeBytes)} in {MapCount} mapping{(MapCount == 1 ? "" : "s")}{where} of process "
            + $"{_process}: {HumanSize.Format(Before.Resident)} in memory, {HumanSize.Format(Before.Swapped)} in swap";
    }
}

/// <summary>Advice that was given about the memory of a process, and what it changed.</summary>
public sealed class MemoryAdviceResult : ProcessOutput
{
    private readonly PlannedMemoryAdvice _plan;
    private readonly AdvisedBytes _after;

    internal MemoryAdviceResult(PlannedMemoryAdvice plan, ulong advised, ulong refused, Errno? reason, AdvisedBytes after)
    {
        _plan = plan;
        _after = after;
        AdvisedBytes = advised;
        RefusedBytes = refused;
        RefusedErrno = reason;
    }

    internal override ProcessIdentity Process => _plan.Process;

    /// <summary>The advice.</summary>
    public ProcessMemoryAdvice Advice => _plan.Advice;

    /// <summary>First address; null for a whole process.</summary>
    public ulong? Address => _plan.Range?.Start;

    /// <summary><see cref="Address"/> in hex.</summary>
    public string? AddressHex => HexText.Of(Address);

    /// <summary>Bytes from there; null for a whole process.</summary>
    public ulong? Length => _plan.Range?.SizeBytes;

    /// <summary>Bytes of address space that the kernel has accepted the advice for. It need not follow it.</summary>
    public ulong AdvisedBytes { get; }

    /// <summary>Bytes that the advice does not apply to, and that were not tried.</summary>
    public ulong SkippedBytes => _plan.SkippedBytes;

    /// <summary>Bytes in ranges for which the kernel refused it, at least in part.</summary>
    public ulong RefusedBytes { get; }

    /// <summary>
    /// The last reason: EINVAL for locked memory and what cannot be collapsed, ENOMEM where nothing is mapped any more or no
    /// huge page is free, EAGAIN and EBUSY for pages in use; null where it refused none.
    /// </summary>
    public Errno? RefusedErrno { get; }

    /// <summary>Bytes in memory before.</summary>
    public ulong ResidentBytesBefore => _plan.Before.Resident;

    /// <summary>Bytes in memory afterwards.</summary>
    public ulong ResidentBytesAfter => _after.Resident;

    /// <summary>Bytes in swap before.</summary>
    public ulong SwappedBytesBefore => _plan.Before.Swapped;

    /// <summary>Bytes in swap afterwards.</summary>
    public ulong SwappedBytesAfter => _after.Swapped;

    /// <summary>
    /// For collapsing, bytes that were mapped by larger entries before; null otherwise, and before Linux 6.7.
    /// </summary>
    public ulong? HugeBytesBefore => _plan.Before.Huge;

    /// <summary>The same afterwards.</summary>
    public ulong? HugeBytesAfter => _after.Huge;

    /// <summary>Returns process and resident bytes.</summary>
    public override string ToString() =>
        $"{Process}: {Advice}, {HumanSize.Format(ResidentBytesBefore)} -> {HumanSize.Format(ResidentBytesAfter)} resident";
}

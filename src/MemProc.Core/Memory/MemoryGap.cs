using MemProc.Interop;

namespace MemProc;

/// <summary>A range that was not read, and why.</summary>
/// <param name="Address">First address.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Kind">Why.</param>
/// <param name="Errno">The kernel's error; None where no read was tried.</param>
public sealed record MemoryGap(ulong Address, ulong Length, MemoryGapKind Kind, Errno Errno)
{
    /// <summary>First address after the gap.</summary>
    internal ulong End => Address + Length;

    /// <summary>Formats the gap as a line of a dump.</summary>
    public override string ToString() => $"0x{Address:x12} -- {HumanSize.Format(Length)} {Describe()} --";

    /// <summary>Describes why it was not read.</summary>
    public string Describe() => Kind switch
    {
        MemoryGapKind.NotMapped => "not mapped",
        MemoryGapKind.NotRam => "not RAM, not read",
        MemoryGapKind.Offline => "offline, not read",
        MemoryGapKind.Poisoned => "has a memory error, not read",
        MemoryGapKind.NotInDirectMap => "not mapped by the kernel",
        MemoryGapKind.NotResident => "not resident, not read",
        MemoryGapKind.LeftOut => "left out",
        MemoryGapKind.NotSaved => "not in the core",
        MemoryGapKind.Userfault => "not supplied by its userfaultfd handler, not read",
        _ => $"unreadable: {ErrnoException.Describe(Errno)} ({Errno})",
    };

    /// <summary>Adds a gap to a list, joined with the last one if it continues it.</summary>
    internal static void Add(List<MemoryGap> gaps, MemoryGap gap)
    {
        if (gap.Length == 0)
        {
            return;
        }

        if (gaps is [.., { } last] && last.End == gap.Address && last.Kind == gap.Kind && last.Errno == gap.Errno)
        {
            gaps[^1] = last with { Length = last.Length + gap.Length };
        }
        else
        {
            gaps.Add(gap);
        }
    }
}

/// <summary>Why a range of memory was not read.</summary>
public enum MemoryGapKind
{
    /// <summary>It is mapped, and the kernel refused the read.</summary>
    Unreadable,
    /// <summary>It is not mapped.</summary>
    NotMapped,
    /// <summary>Of physical addresses: no RAM is there, but a device, firmware, or nothing. A read could act on a device.</summary>
    NotRam,
    /// <summary>Of physical addresses: a balloon driver or the hypervisor has the memory, or a guest has not accepted it.</summary>
    Offline,
    /// <summary>Of physical addresses: the memory has an error. A read could stop the machine.</summary>
    Poisoned,
    /// <summary>
    /// Of physical addresses: the kernel does not map the memory for itself: secret memory (memfd_secret(2)), memory of a
    /// confidential guest, or freed memory with debug_pagealloc.
    /// </summary>
    NotInDirectMap,
    /// <summary>
    /// No page in memory backs it, as it was never touched, swapped out, or not read from its file; only pages in
    /// memory were requested.
    /// </summary>
    NotResident,
    /// <summary>It was left out: the process excluded it from core dumps, or it is device memory.</summary>
    LeftOut,
    /// <summary>
    /// The page is missing, and a handler supplies it when it is accessed (userfaultfd(2)): an access would wait for
    /// that handler, in another process or in this one, possibly without end.
    /// </summary>
    Userfault,
    /// <summary>
    /// The core does not hold it: it was left out of the core, or left to the mapped file, which this machine does not have
    /// any more; or the core was cut off.
    /// </summary>
    NotSaved,
}

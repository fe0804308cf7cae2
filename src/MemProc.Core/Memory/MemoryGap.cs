using MemProc.Interop;

namespace MemProc;

/// <summary>A stretch that was not read, and why.</summary>
/// <param name="Address">First address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Kind">Why.</param>
/// <param name="Errno">The kernel's reason; None where it was not asked.</param>
public sealed record MemoryGap(ulong Address, ulong Length, MemoryGapKind Kind, Errno Errno)
{
    /// <summary>First address behind the gap.</summary>
    internal ulong End => Address + Length;

    /// <summary>The gap in words, for a dump.</summary>
    public override string ToString() => $"0x{Address:x12} -- {HumanSize.Format(Length)} {Reason} --";

    private string Reason => Kind switch
    {
        MemoryGapKind.NotMapped => "not mapped",
        MemoryGapKind.NotResident => "not resident, not read",
        _ => $"unreadable: {ErrnoException.Describe(Errno)} ({Errno})",
    };

    /// <summary>Adds a gap to others, joined with the last one where it goes on.</summary>
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

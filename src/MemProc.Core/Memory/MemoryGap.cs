using MemProc.Interop;

namespace MemProc;

/// <summary>A stretch that could not be read, and why.</summary>
/// <param name="Address">First address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Errno">The kernel's reason.</param>
public sealed record MemoryGap(ulong Address, ulong Length, Errno Errno)
{
    /// <summary>First address behind the gap.</summary>
    internal ulong End => Address + Length;

    /// <summary>The gap in words, for a dump.</summary>
    public override string ToString() =>
        $"0x{Address:x12} -- {HumanSize.Format(Length)} unreadable: {ErrnoException.Describe(Errno)} ({Errno}) --";
}

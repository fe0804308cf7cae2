using System.Numerics;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Bytes whose accesses are watched.</summary>
public sealed record AccessTarget
{
    /// <summary>Maximum number of places in one process: the breakpoints of a processor for x86.</summary>
    public const int MaxTargets = 4;

    /// <summary>Creates it.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">First address.</param>
    /// <param name="type">The type of the value there.</param>
    /// <param name="isBigEndian">The byte order where the type has none.</param>
    /// <exception cref="MemProcException">WatchMemory, EINVAL: a breakpoint cannot have that length or address.</exception>
    public AccessTarget(LinuxProcess process, ulong address, MemoryType type, bool isBigEndian = false)
    {
        Process = process;
        Address = address;
        Type = Check(address, type.For(DataModel.Of(process)));
        IsBigEndian = isBigEndian;
    }

    /// <summary>The process.</summary>
    public LinuxProcess Process { get; }

    /// <summary>First address.</summary>
    public ulong Address { get; }

    /// <summary>The type of the value.</summary>
    public MemoryType Type { get; }

    /// <summary>The byte order where the type has none.</summary>
    public bool IsBigEndian { get; }

    /// <summary>Number of bytes.</summary>
    public int Length => Type.SizeBytes;

    /// <summary>Returns the value of bytes.</summary>
    internal object Decode(byte[] bytes) => Type.Decode(bytes, IsBigEndian, Encoding.UTF8);

    private static MemoryType Check(ulong address, MemoryType type)
    {
        int length = type.SizeBytes;
        return type.IsTextPointer || length is < 1 or > sizeof(ulong) || !BitOperations.IsPow2(length)
            ? throw new MemProcException(Operation.WatchMemory, Errno.EINVAL, $"{length} bytes at 0x{address:x} cannot be watched for "
                + "accesses: a processor watches 1, 2, 4 or 8 bytes. Specify a type or length of that size.", address)
            : address % (ulong)length != 0
            ? throw new MemProcException(Operation.WatchMemory, Errno.EINVAL, $"{length} bytes at 0x{address:x} cannot be watched for "
                + $"accesses: the address has to be a multiple of the length. Specify a length of {1UL << BitOperations.TrailingZeroCount(address)}.",
                address)
            : address > long.MaxValue
            ? throw new MemProcException(
                Operation.WatchMemory, Errno.EINVAL, $"0x{address:x} is not a valid address of a process.", address)
            : type;
    }
}

using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Checks ranges of a process' addresses before they are used.</summary>
public static class UserRange
{
    /// <summary>Address of the vsyscall page on x86-64 (<c>arch/x86/include/uapi/asm/vsyscall.h</c>).</summary>
    private const ulong Vsyscall = 0xffffffffff600000;
    private const ulong VsyscallBytes = 4096;

    /// <summary>
    /// Returns an address without the tag that arm64 allows in the highest byte of a pointer to user memory
    /// (<c>Documentation/arch/arm64/tagged-address-abi.rst</c>): the processor ignores it, and system calls do not accept it.
    /// Bit 55 tells user memory from the kernel's.
    /// </summary>
    /// <param name="address">An address, or a pointer as a process stores it.</param>
    public static ulong Untag(ulong address) =>
        Untag(address, RuntimeInformation.ProcessArchitecture == Architecture.Arm64);

    /// <summary>Whether an address is in [vsyscall], which is in the list of mappings and cannot be read.</summary>
    /// <param name="address">The address.</param>
    public static bool IsVsyscall(ulong address) => address - Vsyscall < VsyscallBytes;

    internal static ulong Untag(ulong address, bool hasTags) =>
        hasTags && (address & 1UL << 55) == 0 ? address & (1UL << 56) - 1 : address;

    /// <summary>Returns the first address after a range.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="operation">The operation that uses the range, for the error.</param>
    /// <exception cref="MemProcException">
    /// EINVAL: the range is empty, exceeds the address space, or contains kernel addresses.
    /// </exception>
    public static ulong End(ulong address, ulong length, Operation operation)
    {
        string? fault = length == 0
            ? $"The range at 0x{address:x} has no bytes: give a length of at least 1."
            : address + length - 1 < address
            ? $"The range at 0x{address:x} of {length} bytes wraps round the end of the address space."
            : IsVsyscall(address)
            ? $"0x{address:x} is in [vsyscall], the kernel's page for old system calls. It is the same in all processes, "
                + "is in no process' page table, and cannot be read."
            : address > long.MaxValue
            ? $"0x{address:x} is in the kernel's half of the address space; the memory of a process ends below "
                + "0x8000000000000000."
            : address + length - 1 > long.MaxValue
            ? $"The range at 0x{address:x} of {length} bytes reaches into the kernel's half of the address space."
            : null;
        return fault is null ? address + length : throw new MemProcException(operation, Errno.EINVAL, fault, address);
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>Checks of address ranges before anything is touched.</summary>
internal static class UserRange
{
    /// <summary>Where x86-64 has the page (<c>arch/x86/include/uapi/asm/vsyscall.h</c>).</summary>
    private const ulong Vsyscall = 0xffffffffff600000;
    private const ulong VsyscallBytes = 4096;

    /// <summary>The first address behind a range.</summary>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="operation">What the range is wanted for.</param>
    /// <exception cref="MemProcException">
    /// EINVAL: an empty range, one that wraps round the end of the address space, or addresses of the kernel.
    /// </exception>
    public static ulong End(ulong address, ulong length, Operation operation)
    {
        string? fault = length == 0
            ? $"The range at 0x{address:x} has no bytes: give a length of at least 1."
            : address + length - 1 < address
            ? $"The range at 0x{address:x} of {length} bytes wraps round the end of the address space."
            : address - Vsyscall < VsyscallBytes
            ? $"0x{address:x} lies in [vsyscall], the kernel's page for old system calls. It is the same in all processes, "
                + "in the page table of none, and the kernel lets nobody read it."
            : address > long.MaxValue
            ? $"0x{address:x} lies in the kernel's half of the address space; a process' memory ends below "
                + "0x8000000000000000."
            : address + length - 1 > long.MaxValue
            ? $"The range at 0x{address:x} of {length} bytes reaches into the kernel's half of the address space."
            : null;
        return fault is null ? address + length : throw new MemProcException(operation, Errno.EINVAL, fault, address);
    }
}

using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Follows pointers: from the address of a pointer to what it points to, and on.</summary>
public static class PointerPath
{
    /// <summary>Maximum number of pointers to follow.</summary>
    public const int MaxPointers = 64;

    /// <summary>Follows so many pointers.</summary>
    /// <param name="process">The process.</param>
    /// <param name="reader">How to read it.</param>
    /// <param name="address">Where the first pointer lies.</param>
    /// <param name="count">How many pointers to follow; 0 is none.</param>
    /// <returns>The addresses on the way: the one given first, where the last pointer points to last.</returns>
    /// <exception cref="MemProcException">
    /// Dereference: EFAULT, EIO or ENODATA where a pointer on the way cannot be read, is null, or is no address of a
    /// process. The message says which one.
    /// </exception>
    public static ulong[] Follow(LinuxProcess process, MemoryReader reader, ulong address, int count)
    {
        ulong[] path = new ulong[count + 1];
        path[0] = address;
        for (int step = 1; step <= count; step++)
        {
            ulong at = path[step - 1];
            string which = $"pointer {step} of {count}, at 0x{at:x},";
            ulong pointer;
            try
            {
                pointer = MemoryMarshal.Read<ulong>(reader.ReadWhole(at, sizeof(ulong)));
            }
            catch (MemProcException error) when (error.Errno != Errno.ESRCH)
            {
                throw new MemProcException(Operation.Dereference, error.Errno,
                    $"Process {process.Identity}: {which} cannot be followed. {error.Message}", at);
            }

            if (pointer is 0 or > long.MaxValue)
            {
                string fault = pointer == 0 ? "is null" : $"holds 0x{pointer:x}, which is no address of a process";
                throw new MemProcException(Operation.Dereference, Errno.EFAULT, $"Process {process.Identity}: {which} {fault}.", at);
            }

            path[step] = pointer;
        }

        return path;
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>Follows a chain of pointers.</summary>
public static class PointerPath
{
    /// <summary>Maximum number of pointers to follow.</summary>
    public const int MaxPointers = 64;

    /// <summary>Follows pointers from an address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="reader">Reads the process.</param>
    /// <param name="address">Address of the first pointer.</param>
    /// <param name="count">Number of pointers to follow; may be 0.</param>
    /// <returns>The addresses visited: the given one first, the target of the last pointer last.</returns>
    /// <exception cref="MemProcException">
    /// Dereference: EFAULT, EIO or ENODATA where a pointer cannot be read, is null, or is not a valid address of a
    /// process. The message names it.
    /// </exception>
    public static ulong[] Follow(MemoryTarget process, MemoryReader reader, ulong address, int count)
    {
        ulong[] path = new ulong[count + 1];
        MemoryValueType type = count == 0 ? default : MemoryValue.For(MemoryValueType.Pointer, DataModel.Of(process));
        path[0] = address;
        for (int step = 1; step <= count; step++)
        {
            ulong at = path[step - 1];
            string which = $"pointer {step} of {count}, at 0x{at:x},";
            ulong pointer;
            try
            {
                byte[] bytes = reader.ReadExactly(at, (ulong)MemoryValue.SizeOf(type));
                pointer = UserRange.Untag((ulong)MemoryValue.Decode(bytes, type));
            }
            catch (MemProcException error) when (error.Errno != Errno.ESRCH)
            {
                throw new MemProcException(Operation.Dereference, error.Errno,
                    $"Process {process.Identity}: {which} cannot be followed. {error.Message}", at);
            }

            if (pointer is 0 or > long.MaxValue)
            {
                string fault = pointer == 0 ? "is null" : $"holds 0x{pointer:x}, which is not a valid address of a process";
                throw new MemProcException(
                    Operation.Dereference, Errno.EFAULT, $"Process {process.Identity}: {which} {fault}.", at);
            }

            path[step] = pointer;
        }

        return path;
    }
}

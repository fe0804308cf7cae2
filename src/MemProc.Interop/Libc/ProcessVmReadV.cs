using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>process_vm_readv(2): reads memory of another process in one copy.</summary>
    /// <param name="processId">The process id in the caller's PID namespace.</param>
    /// <param name="address">First address in the other process.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="read">Bytes read: fewer than requested where an unreadable page follows.</param>
    /// <returns>EFAULT: the first page is unreadable; EPERM: no ptrace access; ESRCH: no such process.</returns>
    public static unsafe Errno TryProcessVmRead(int processId, ulong address, Span<byte> buffer, out int read)
    {
        fixed (byte* pointer = buffer)
        {
            IoVector local = new() { Base = (nuint)pointer, Length = (nuint)buffer.Length };
            IoVector remote = new() { Base = (nuint)address, Length = (nuint)buffer.Length };
            nint count = process_vm_readv(processId, &local, 1, &remote, 1, 0);
            read = count < 0 ? 0 : (int)count;
            return count < 0 ? LastErrno : Errno.None;
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint process_vm_readv(
        int pid, IoVector* local, nuint localCount, IoVector* remote, nuint remoteCount, nuint flags);
}

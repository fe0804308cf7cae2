using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    /// <summary>process_vm_writev(2): writes memory of another process. Page protection applies.</summary>
    /// <param name="processId">The process id in the caller's PID namespace.</param>
    /// <param name="address">First address in the other process.</param>
    /// <param name="buffer">The bytes.</param>
    /// <param name="written">Bytes written: fewer than requested where a page without write permission follows.</param>
    /// <returns>EFAULT: the first page cannot be written; EPERM: no ptrace access; ESRCH: no such process.</returns>
    public static unsafe Errno TryProcessVmWrite(
        int processId, ulong address, ReadOnlySpan<byte> buffer, out int written)
    {
        fixed (byte* pointer = buffer)
        {
            IoVector local = new() { Base = (nuint)pointer, Length = (nuint)buffer.Length };
            IoVector remote = new() { Base = (nuint)address, Length = (nuint)buffer.Length };
            return TryProcessVmWrite(processId, [local], remote, out written);
        }
    }

    /// <summary>process_vm_writev(2) from several ranges of this process to one of another.</summary>
    /// <param name="processId">The process.</param>
    /// <param name="local">The ranges to copy from, at most 1024.</param>
    /// <param name="remote">The range to copy to.</param>
    /// <param name="written">Bytes written: fewer where a page of either side cannot be accessed.</param>
    internal static unsafe Errno TryProcessVmWrite(
        int processId, ReadOnlySpan<IoVector> local, IoVector remote, out int written)
    {
        fixed (IoVector* vectors = local)
        {
            nint count = process_vm_writev(processId, vectors, (nuint)local.Length, &remote, 1, 0);
            written = count < 0 ? 0 : (int)count;
            return count < 0 ? LastErrno : Errno.None;
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint process_vm_writev(
        int pid, IoVector* local, nuint localCount, IoVector* remote, nuint remoteCount, nuint flags);
}

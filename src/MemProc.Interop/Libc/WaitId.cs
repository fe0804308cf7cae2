using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int PPid = 1;
    private const int WNoHang = 1;
    private const int WStopped = 2;
    private const int WExited = 4;
    private const int WAll = 0x4000_0000;
    private const int SignalInfoProcess = 16;

    /// <summary>
    /// waitid(2) without waiting: finds whether a traced thread has stopped. It waits for stops only, so that the exit of a
    /// process is still reported to its parent.
    /// </summary>
    /// <param name="threadId">The thread.</param>
    /// <param name="hasStopped">The thread has stopped.</param>
    /// <returns>ECHILD: the calling thread does not trace it.</returns>
    public static Errno TryWaitForStop(int threadId, out bool hasStopped) =>
        TryWait(threadId, WStopped, out hasStopped);

    /// <summary>
    /// waitid(2) without waiting, for a traced thread that has exited: the kernel keeps it until its tracer has done this.
    /// Not for the main thread, whose exit is that of the process.
    /// </summary>
    /// <param name="threadId">The thread.</param>
    /// <returns>ECHILD: no thread of this process traces it.</returns>
    public static Errno TryReapThread(int threadId) => TryWait(threadId, WExited, out _);

    private static unsafe Errno TryWait(int threadId, int events, out bool isReported)
    {
        Span<byte> info = stackalloc byte[SignalInfoBytes];
        info.Clear();
        fixed (byte* pointer = info)
        {
            int result;
            do
            {
                result = waitid(PPid, threadId, pointer, events | WNoHang | WAll);
            }
            while (result < 0 && LastErrno == Errno.EINTR);

            isReported = result == 0 && BinaryPrimitives.ReadInt32LittleEndian(info[SignalInfoProcess..]) != 0;
            return result < 0 ? LastErrno : Errno.None;
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int waitid(int type, int id, byte* info, int options);
}

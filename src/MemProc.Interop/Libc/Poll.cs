using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>struct pollfd of poll(2).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PollFd
{
    /// <summary>The file descriptor.</summary>
    public int Fd;
    /// <summary>Events to poll for.</summary>
    public short Events;
    /// <summary>Events that occurred.</summary>
    public short ReturnedEvents;
}

public static partial class Libc
{
    private const short PollIn = 1;

    /// <summary>
    /// poll(2) without waiting: returns whether a handle is readable. A pidfd is readable once its process has exited.
    /// </summary>
    /// <exception cref="ErrnoException">The kernel refused.</exception>
    public static unsafe bool IsReadable(SafeFileHandle handle)
    {
        bool referenced = false;
        handle.DangerousAddRef(ref referenced);
        try
        {
            PollFd entry = new() { Fd = (int)handle.DangerousGetHandle(), Events = PollIn };
            int ready;
            do
            {
                ready = poll(&entry, 1, 0);
            }
            while (ready < 0 && LastErrno == Errno.EINTR);

            return ready < 0 ? throw new ErrnoException("poll", LastErrno) : ready > 0;
        }
        finally
        {
            handle.DangerousRelease();
        }
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int poll(PollFd* entries, nuint count, int timeoutMilliseconds);
}

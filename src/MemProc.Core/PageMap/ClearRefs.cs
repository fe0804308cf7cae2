using System.Globalization;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Writes to <c>/proc/PID/clear_refs</c>.</summary>
internal static class ClearRefs
{
    /// <summary>Clears bits of all pages of a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="command">What to clear.</param>
    /// <param name="operation">The operation that needs it, for the error.</param>
    /// <exception cref="MemProcException">
    /// ENOENT: the kernel has no such file; EACCES: another user's process; ESRCH: the process has exited, or is a
    /// kernel thread.
    /// </exception>
    public static void Write(LinuxProcess process, ClearRefsValue command, Operation operation)
    {
        // For a process without memory the kernel accepts the number and does nothing.
        if (process.IsKernelThread)
        {
            throw process.Failure(operation, Errno.ESRCH, string.Empty);
        }

        using SafeFileHandle file = Open(process, operation);
        byte[] number = Encoding.ASCII.GetBytes(((int)command).ToString(CultureInfo.InvariantCulture));
        Errno errno = Libc.TryPWrite(file, number, 0, out _);
        if (errno != Errno.None)
        {
            throw process.Failure(operation, errno, "cannot write clear_refs");
        }

        process.ThrowIfExited(operation);
    }

    private static SafeFileHandle Open(LinuxProcess process, Operation operation)
    {
        try
        {
            return process.OpenFile("clear_refs", operation, OpenAccess.WriteOnly);
        }
        catch (MemProcException error) when (error.Errno == Errno.ENOENT)
        {
            throw new MemProcException(operation, Errno.ENOENT,
                $"{error.Message} Requires a kernel with CONFIG_PROC_PAGE_MONITOR.", error.Target);
        }
    }
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Where threads' stack pointers are, by <c>/proc/PID/task/TID/syscall</c>. It tells them of threads that sleep or are
/// held; of a running one there is no number that would still be right. The number in <c>stat</c> is 0 since Linux 4.14
/// but for processes that exit or dump core.
/// </summary>
internal static class ThreadStacks
{
    /// <summary>The threads whose stack pointer is known; none where the kernel does not tell this user.</summary>
    public static List<(int Thread, ulong StackPointer)> Read(LinuxProcess process)
    {
        List<(int, ulong)> found = [];
        Span<byte> text = stackalloc byte[256];
        foreach (int thread in process.ThreadIds())
        {
            if (Libc.TryOpenAt(process.Folder, $"task/{thread}/syscall", OpenAccess.ReadOnly, out SafeFileHandle? file)
                != Errno.None)
            {
                continue;
            }

            using (file)
            {
                if (Libc.TryPRead(file!, text, 0, out int read) == Errno.None
                    && SyscallLine.TryParse(text[..read], out ulong pointer))
                {
                    found.Add((thread, pointer));
                }
            }
        }

        return found;
    }
}

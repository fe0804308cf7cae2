using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The threads of a process by the mappings that hold their stacks. Stack pointers come from
/// <c>/proc/PID/task/TID/syscall</c>, which shows them for threads that sleep or are stopped, not for running ones. The
/// field of <c>stat</c> is 0 since Linux 4.14, except for processes that exit or dump core. They are read once, when a
/// mapping first asks for them.
/// </summary>
/// <param name="process">The process.</param>
internal sealed class ThreadStacks(LinuxProcess process)
{
    private const string MainStack = "[stack]";

    private readonly Lazy<(ulong[] Pointers, int[] Threads)> _stacks = new(() => Read(process));

    /// <summary>
    /// The thread whose stack a mapping holds. <c>[stack]</c> is the main thread's whether or not that runs, since the
    /// kernel names it so; of other mappings the stack pointers decide.
    /// </summary>
    /// <returns>Null where no thread is known to have its stack there, and where several have.</returns>
    public int? ThreadOf(ProcMap map)
    {
        if (!map.IsWritable || map.CanContainElf)
        {
            return null;
        }

        int? found = map.Path == MainStack ? process.Id : null;
        (ulong[] pointers, int[] threads) = _stacks.Value;
        int index = Array.BinarySearch(pointers, map.Start);
        for (index = index >= 0 ? index : ~index; index < pointers.Length && pointers[index] < map.End; index++)
        {
            if (found is not null && found != threads[index])
            {
                return null;
            }

            found = threads[index];
        }

        return found;
    }

    /// <summary>
    /// The known stack pointers in ascending order; none where the kernel does not show them to this user.
    /// </summary>
    private static (ulong[] Pointers, int[] Threads) Read(LinuxProcess process)
    {
        List<(ulong Pointer, int Thread)> found = [];
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
                    found.Add((pointer, thread));
                }
            }
        }

        found.Sort();
        return ([.. found.Select(stack => stack.Pointer)], [.. found.Select(stack => stack.Thread)]);
    }
}

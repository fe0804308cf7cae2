using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int RLimitMemlock = 8;

    /// <summary>
    /// setrlimit(2): raises how much memory this process may lock as far as it goes. Before Linux 5.11 the maps of bpf
    /// count as locked.
    /// </summary>
    /// <returns>EPERM: without CAP_SYS_RESOURCE.</returns>
    public static unsafe Errno TryRaiseMemlockLimit()
    {
        ulong* unlimited = stackalloc ulong[2] { ulong.MaxValue, ulong.MaxValue };
        return Result(setrlimit(RLimitMemlock, unlimited));
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int setrlimit(int resource, ulong* limits);
}

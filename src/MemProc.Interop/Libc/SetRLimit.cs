using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    private const int RLimitMemlock = 8;

    /// <summary>
    /// setrlimit(2): removes the limit of memory that this process may lock (RLIMIT_MEMLOCK). Before Linux 5.11 bpf maps
    /// count as locked memory.
    /// </summary>
    /// <returns>EPERM: CAP_SYS_RESOURCE is missing.</returns>
    public static unsafe Errno TryRaiseMemlockLimit()
    {
        ulong* unlimited = stackalloc ulong[2] { ulong.MaxValue, ulong.MaxValue };
        return Result(setrlimit(RLimitMemlock, unlimited));
    }

    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial int setrlimit(int resource, ulong* limits);
}

using System.Runtime.InteropServices;

namespace MemProc.Interop;

public static partial class Libc
{
    private const long MovePagesNumberX64 = 279;
    private const long MovePagesNumberArm64 = 239;

    /// <summary>
    /// move_pages(2) without target nodes: returns the NUMA node of each page, and moves none.
    /// </summary>
    /// <param name="processId">The process id in the caller's PID namespace; 0 for the caller.</param>
    /// <param name="addresses">Addresses in the pages.</param>
    /// <param name="status">Receives for each page its node, or a negative error number: ENOENT where the page is not
    /// present, EFAULT for the zero page and where nothing is mapped.</param>
    /// <returns>
    /// EPERM: no ptrace access; ESRCH: no such process; EINVAL: it has no memory; ENOSYS: a kernel without CONFIG_NUMA; ENODEV:
    /// one without CONFIG_MIGRATION.
    /// </returns>
    public static unsafe Errno TryGetNodes(int processId, ReadOnlySpan<ulong> addresses, Span<int> status)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(status.Length, addresses.Length);
        long number = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? MovePagesNumberX64 : MovePagesNumberArm64;
        fixed (ulong* pages = addresses)
        fixed (int* results = status)
        {
            nint outcome = syscall(number, processId, (nuint)addresses.Length, pages, null, results, 0);
            return outcome < 0 ? LastErrno : Errno.None;
        }
    }

    // Only libnuma has a wrapper.
    [LibraryImport(Library, SetLastError = true)]
    private static unsafe partial nint syscall(
        long number, long processId, nuint count, ulong* pages, int* nodes, int* status, long flags);
}

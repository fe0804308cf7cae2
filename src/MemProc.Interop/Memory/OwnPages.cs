namespace MemProc.Interop;

/// <summary>Pages of this very process.</summary>
public static class OwnPages
{
    /// <summary>Pages that one system call takes: IOV_MAX.</summary>
    public const int Batch = 1024;

    /// <summary>
    /// Has the kernel read a byte of each page, so that the page gets into the page table. It is read by
    /// process_vm_writev(2) on this process itself, which answers EFAULT where a plain read would be a signal, as
    /// for a page behind the end of a file. Other than by MADV_POPULATE_READ, the page does not count as used
    /// (<c>FOLL_TOUCH</c> in <c>mm/gup.c</c>).
    /// </summary>
    /// <param name="addresses">An address in each page, at most <see cref="Batch"/>.</param>
    /// <param name="read">How many of them, from the first on, were read.</param>
    /// <returns>EFAULT: the first page cannot be read; EPERM, ENOSYS: a sandbox forbids the call.</returns>
    public static unsafe Errno TryFaultIn(ReadOnlySpan<ulong> addresses, out int read)
    {
        Span<byte> bytes = stackalloc byte[Batch];
        Span<IoVector> pages = stackalloc IoVector[Batch];
        for (int index = 0; index < addresses.Length; index++)
        {
            pages[index] = new IoVector { Base = (nuint)addresses[index], Length = 1 };
        }

        fixed (byte* target = bytes)
        {
            IoVector copy = new() { Base = (nuint)target, Length = (nuint)addresses.Length };
            return Libc.TryProcessVmWrite(Environment.ProcessId, pages[..addresses.Length], copy, out read);
        }
    }
}

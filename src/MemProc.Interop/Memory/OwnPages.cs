namespace MemProc.Interop;

/// <summary>Operations on pages of this process.</summary>
public static class OwnPages
{
    /// <summary>Maximum number of pages per system call: IOV_MAX.</summary>
    public const int Batch = 1024;

    /// <summary>
    /// Faults pages in by having the kernel read a byte of each. process_vm_writev(2) on this process reads them: it
    /// returns EFAULT where a load would raise a signal, as for a page after the end of a file. Unlike with
    /// MADV_POPULATE_READ, the page does not count as referenced (<c>FOLL_TOUCH</c> in <c>mm/gup.c</c>).
    /// </summary>
    /// <param name="addresses">An address in each page, at most <see cref="Batch"/>.</param>
    /// <param name="read">Number of pages read, counted from the first.</param>
    /// <returns>EFAULT: the first page cannot be read; EPERM, ENOSYS: a sandbox blocks the call.</returns>
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

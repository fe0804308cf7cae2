using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Finds out which bits of a pagemap entry this kernel never sets, although it has what they stand for. Such a bit that
/// is 0 says nothing. The test uses pages of this process and clears nothing.
/// </summary>
internal static class PageMapSupport
{
    /// <summary>Written since soft-dirty bits were cleared: CONFIG_MEM_SOFT_DIRTY.</summary>
    public const ulong SoftDirty = 1UL << 55;

    /// <summary>Mapped by this process only: Linux 4.2.</summary>
    public const ulong Exclusive = 1UL << 56;

    /// <summary>Write-protected through userfaultfd: Linux 5.14. Pages can be write-protected from Linux 5.7 on.</summary>
    public const ulong WriteProtected = 1UL << 57;

    /// <summary>A guard region: Linux 6.15. There are guard regions from Linux 6.13 on.</summary>
    public const ulong Guard = 1UL << 58;

    private static readonly Lazy<ulong> DefaultUnknown = new(Probe);

    /// <summary>Returns the bits that this kernel does not report.</summary>
    /// <param name="files">Where procfs is. A recorded procfs is taken as complete.</param>
    public static ulong UnknownBits(KernelFiles files) => files == KernelFiles.Default ? DefaultUnknown.Value : 0;

    /// <summary>Returns the bits that the kernel of a process or core does not report.</summary>
    /// <param name="target">The process or core.</param>
    public static ulong UnknownBits(MemoryTarget target) => target.Pages.UnknownBits ?? UnknownBits(target.Files);

    /// <summary>Returns the bits that a kernel does not report.</summary>
    /// <param name="written">The entry of a page that was just mapped and written to by one process; 0: unknown.</param>
    /// <param name="guard">The entry of a guard region; null where none can be made.</param>
    /// <param name="release">The kernel's version.</param>
    public static ulong UnknownBits(ulong written, ulong? guard, Version release) =>
        // A mapping is soft-dirty as a whole when it is new, and a write makes the page soft-dirty (mm/vma.c, mm/memory.c).
        (~written & (SoftDirty | Exclusive))
        | (guard is ulong entry ? ~entry & Guard : 0)
        | (release >= new Version(5, 7) && release < new Version(5, 14) ? WriteProtected : 0);

    /// <summary>Throws where a filter asks for bits that the kernel does not report.</summary>
    /// <param name="bits">The bits.</param>
    /// <param name="unknown">The bits that the kernel does not report.</param>
    /// <exception cref="MemProcException">ReadPageMap, ENOSYS.</exception>
    public static void ThrowIfUnknown(ulong bits, ulong unknown)
    {
        ulong missing = bits & unknown;
        if (missing != 0)
        {
            throw new MemProcException(Operation.ReadPageMap, Errno.ENOSYS, (missing & SoftDirty) != 0
                ? "Pages cannot be selected as soft-dirty: the kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY)."
                : (missing & Exclusive) != 0
                ? "Pages cannot be selected as exclusive: the kernel does not report it in pagemap (Linux 4.2)."
                : "Pages cannot be selected as guard regions: the kernel does not report them in pagemap (Linux 6.15).");
        }
    }

    private static ulong Probe()
    {
        using OwnPage written = new();
        using OwnPage guarded = new();
        bool hasGuard = guarded.TryGuard();
        // The write comes last: another thread can have cleared the soft-dirty bits of this process.
        written.Touch();
        return UnknownBits(Read(written.Address), hasGuard ? Read(guarded.Address) : null, Environment.OSVersion.Version);
    }

    /// <summary>Reads the pagemap entry of this process for an address; 0 where it cannot be read.</summary>
    private static ulong Read(ulong address)
    {
        if (Libc.TryOpenAt(null, $"{KernelFiles.Default.Proc}/self/pagemap", OpenAccess.ReadOnly, out SafeFileHandle? file)
            != Errno.None)
        {
            return 0;
        }

        using (file)
        {
            Span<ulong> entry = stackalloc ulong[1];
            entry.Clear();
            _ = Libc.TryPRead(file!, MemoryMarshal.AsBytes(entry), address / MachinePage.SizeBytes * sizeof(ulong), out _);
            return entry[0];
        }
    }
}

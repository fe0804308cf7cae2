using System.Globalization;
using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Whether the flag ksm of <c>/proc/kpageflags</c> means what its name says. Linux 6.12 and some stable kernels up to 6.18
/// set it for every anonymous page (<c>stable_page_flags</c> in <c>fs/proc/page.c</c> compares one bit of two).
/// </summary>
internal static class KsmFlag
{
    /// <summary>The flag's bit.</summary>
    public const ulong Bit = 1UL << 21;

    private static readonly Lazy<bool> DefaultIsWrong = new(() => IsSetIn(ReadOwnFlags(KernelFiles.Default)));

    /// <summary>Returns whether this kernel sets the flag for all anonymous pages. The test is made once.</summary>
    /// <param name="files">Where procfs is. A recorded procfs is taken as right.</param>
    public static bool IsWrong(KernelFiles files) => files == KernelFiles.Default && DefaultIsWrong.Value;

    /// <summary>Returns whether the machine has pages that KSM has merged; null where the kernel does not show it.</summary>
    /// <param name="files">Where sysfs is.</param>
    public static bool? HasPages(KernelFiles files) =>
        ulong.TryParse(KernelFiles.TryReadText($"{files.Sys}/kernel/mm/ksm/pages_shared"), NumberStyles.AllowTrailingWhite,
            CultureInfo.InvariantCulture, out ulong pages) ? pages > 0 : null;

    /// <summary>
    /// Throws where pages are to be selected by the flag, the kernel sets it for all anonymous pages, and merged pages exist,
    /// so that it is not known which ones they are.
    /// </summary>
    /// <param name="flags">The flags that select pages.</param>
    /// <param name="isWrong">The kernel sets the flag for all anonymous pages.</param>
    /// <param name="hasPages">Merged pages exist; null: unknown.</param>
    /// <exception cref="MemProcException">ReadPageFlags, ENOSYS.</exception>
    public static void ThrowIfUnknown(ulong flags, bool isWrong, bool? hasPages)
    {
        if ((flags & Bit) != 0 && isWrong && hasPages != false)
        {
            throw new MemProcException(Operation.ReadPageFlags, Errno.ENOSYS,
                "Pages cannot be selected as ksm: this kernel reports every anonymous page as ksm (an error of Linux 6.12 to "
                + "6.18). Get-PageFrame -Kind Ksm (memproc frame --kind ksm) finds them by their struct pages, and "
                + "Get-ProcMap -Detailed (memproc map --detailed) counts them.");
        }
    }

    /// <summary>Removes the flag from anonymous pages: a page that is not known to be merged is not shown as merged.</summary>
    /// <param name="words">Entries of kpageflags.</param>
    public static void Remove(Span<ulong> words)
    {
        foreach (ref ulong word in words)
        {
            word &= ~(new KernelPageFlagSet(word).IsAnonymous ? Bit : 0);
        }
    }

    /// <summary>Returns whether the entry of an anonymous page that no one has asked to merge has the flag.</summary>
    public static bool IsSetIn(ulong flags) => new KernelPageFlagSet(flags).IsAnonymous && (flags & Bit) != 0;

    /// <summary>Reads the flags of a page of this process; 0 where this user may not.</summary>
    private static ulong ReadOwnFlags(KernelFiles files)
    {
        using OwnPage page = new();
        RawPageMapEntry entry = new(ReadWord($"{files.Proc}/self/pagemap", page.Address / MachinePage.SizeBytes));
        return entry.IsPresent && !entry.IsPfnHidden ? ReadWord($"{files.Proc}/kpageflags", entry.Pfn) : 0;
    }

    private static ulong ReadWord(string path, ulong index)
    {
        if (Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? file) != Errno.None)
        {
            return 0;
        }

        using (file)
        {
            ulong word = 0;
            _ = Libc.TryPRead(file!, MemoryMarshal.AsBytes(new Span<ulong>(ref word)), index * sizeof(ulong), out _);
            return word;
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>What PAGEMAP_SCAN knows of a page (<c>include/uapi/linux/fs.h</c>, PAGE_IS_*).</summary>
[Flags]
public enum PageCategories : ulong
{
    /// <summary>None of them.</summary>
    None = 0,
    /// <summary>In an area with asynchronous userfaultfd write protection.</summary>
    WriteProtectionAllowed = 1 << 0,
    /// <summary>Written since it was write-protected; set on every page outside such areas.</summary>
    Written = 1 << 1,
    /// <summary>A page of a file.</summary>
    File = 1 << 2,
    /// <summary>Present in memory.</summary>
    Present = 1 << 3,
    /// <summary>In swap; also set for markers such as guard regions.</summary>
    Swapped = 1 << 4,
    /// <summary>The zero page.</summary>
    ZeroPage = 1 << 5,
    /// <summary>Mapped by a huge entry.</summary>
    Huge = 1 << 6,
    /// <summary>Soft-dirty (6.7).</summary>
    SoftDirty = 1 << 7,
    /// <summary>A guard region (6.15).</summary>
    Guard = 1 << 8,
}

/// <summary>struct page_region: a run of pages of equal categories.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PageRegion
{
    /// <summary>First address.</summary>
    public ulong Start;
    /// <summary>First address behind the run.</summary>
    public ulong End;
    /// <summary>The categories asked for in the return mask.</summary>
    public PageCategories Categories;
}

/// <summary>struct pm_scan_arg of <c>include/uapi/linux/fs.h</c> (Linux 6.7), 96 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PageMapScanArgument
{
    /// <summary>Size of this structure.</summary>
    public ulong Size;
    /// <summary>In: PM_SCAN_* flags.</summary>
    public ulong Flags;
    /// <summary>In: first address.</summary>
    public ulong Start;
    /// <summary>In: first address behind the range.</summary>
    public ulong End;
    /// <summary>Out: where the walk ended.</summary>
    public ulong WalkEnd;
    /// <summary>In: where the regions go.</summary>
    public ulong Vector;
    /// <summary>In: room for so many regions.</summary>
    public ulong VectorLength;
    /// <summary>In: stop after so many pages; 0: no limit.</summary>
    public ulong MaxPages;
    /// <summary>In: categories whose absence counts.</summary>
    public PageCategories CategoryInverted;
    /// <summary>In: categories that must all hold.</summary>
    public PageCategories CategoryMask;
    /// <summary>In: categories of which one must hold.</summary>
    public PageCategories CategoryAnyOfMask;
    /// <summary>In: categories to return; runs differ in these alone.</summary>
    public PageCategories ReturnMask;
}

/// <summary>The PAGEMAP_SCAN ioctl on an open <c>/proc/PID/pagemap</c>: finds what is populated in a huge range.</summary>
public static class PageMapScan
{
    private const uint Request = 0xC060_6610;

    /// <summary>
    /// Finds the runs of pages that are present, in swap or guarded; each is huge (mapped by entries that are larger
    /// than a page) or not.
    /// </summary>
    /// <param name="pagemap">An open <c>/proc/PID/pagemap</c>.</param>
    /// <param name="start">First address, page-aligned.</param>
    /// <param name="end">First address behind the range.</param>
    /// <param name="regions">Where the runs go, in address order.</param>
    /// <param name="count">How many were found.</param>
    /// <param name="walkEnd">Where the walk ended: <paramref name="end"/>, or earlier where the room was used up.</param>
    /// <param name="maxPages">Stop when so many populated pages are found; 0: no limit.</param>
    /// <returns>ENOTTY: the kernel is older than 6.7.</returns>
    public static Errno TryFindPopulated(
        SafeFileHandle pagemap, ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd,
        ulong maxPages = 0)
    {
        PageMapScanArgument argument = new()
        {
            Start = start,
            End = end,
            MaxPages = maxPages,
            CategoryAnyOfMask = PageCategories.Present | PageCategories.Swapped,
            ReturnMask = PageCategories.Huge,
        };
        return TryScan(pagemap, ref argument, regions, out count, out walkEnd);
    }

    /// <summary>Finds the runs of pages that are present in memory.</summary>
    /// <inheritdoc cref="TryFindPopulated"/>
    public static Errno TryFindPresent(
        SafeFileHandle pagemap, ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd)
    {
        PageMapScanArgument argument = new() { Start = start, End = end, CategoryMask = PageCategories.Present };
        return TryScan(pagemap, ref argument, regions, out count, out walkEnd);
    }

    private static unsafe Errno TryScan(
        SafeFileHandle pagemap, ref PageMapScanArgument argument, Span<PageRegion> regions, out int count,
        out ulong walkEnd)
    {
        fixed (PageRegion* vector = regions)
        fixed (PageMapScanArgument* pointer = &argument)
        {
            argument.Size = (ulong)Unsafe.SizeOf<PageMapScanArgument>();
            argument.Vector = (ulong)vector;
            argument.VectorLength = (ulong)regions.Length;
            Errno errno = Libc.TryIoctl(pagemap, Request, pointer, out count);
            walkEnd = argument.WalkEnd;
            return errno;
        }
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>Categories of a page in PAGEMAP_SCAN (<c>include/uapi/linux/fs.h</c>, PAGE_IS_*).</summary>
[Flags]
public enum PageCategories : ulong
{
    /// <summary>No category.</summary>
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
    /// <summary>Mapped by an entry that is larger than a page.</summary>
    Huge = 1 << 6,
    /// <summary>Soft-dirty (6.7).</summary>
    SoftDirty = 1 << 7,
    /// <summary>A guard region (6.15).</summary>
    Guard = 1 << 8,
}

/// <summary>struct page_region: a run of pages with equal categories.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PageRegion
{
    /// <summary>First address.</summary>
    public ulong Start;
    /// <summary>First address after the run.</summary>
    public ulong End;
    /// <summary>The categories of the return mask that match.</summary>
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
    /// <summary>In: first address after the range.</summary>
    public ulong End;
    /// <summary>Out: where the walk ended.</summary>
    public ulong WalkEnd;
    /// <summary>In: address of the buffer for regions.</summary>
    public ulong Vector;
    /// <summary>In: number of regions that fit in the buffer.</summary>
    public ulong VectorLength;
    /// <summary>In: number of pages to stop after; 0 for no limit.</summary>
    public ulong MaxPages;
    /// <summary>In: categories that are matched inverted.</summary>
    public PageCategories CategoryInverted;
    /// <summary>In: categories that must all match.</summary>
    public PageCategories CategoryMask;
    /// <summary>In: categories of which one must match.</summary>
    public PageCategories CategoryAnyOfMask;
    /// <summary>In: categories to return; runs differ in these only.</summary>
    public PageCategories ReturnMask;
}

/// <summary>The PAGEMAP_SCAN ioctl on an open <c>/proc/PID/pagemap</c>: finds populated pages in a large range.</summary>
public static class PageMapScan
{
    private const uint Request = 0xC060_6610;

    /// <summary>
    /// Finds the runs of pages that are present, in swap or guarded. All pages of a run are huge (mapped by an entry that is
    /// larger than a page), or none is.
    /// </summary>
    /// <param name="pagemap">An open <c>/proc/PID/pagemap</c>.</param>
    /// <param name="start">First address, page-aligned.</param>
    /// <param name="end">First address after the range.</param>
    /// <param name="regions">Receives the runs in address order.</param>
    /// <param name="count">The number of runs.</param>
    /// <param name="walkEnd">Where the scan ended: <paramref name="end"/>, or earlier if the buffer is full.</param>
    /// <param name="maxPages">Number of populated pages to stop after; 0 for no limit.</param>
    /// <returns>ENOTTY: the kernel is older than 6.7.</returns>
    public static Errno TryFindPopulated(
        SafeFileHandle pagemap, ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd,
        ulong maxPages = 0) =>
        TryScan(pagemap, new PageMapScanArgument
        {
            Start = start,
            End = end,
            MaxPages = maxPages,
            CategoryAnyOfMask = PageCategories.Present | PageCategories.Swapped,
            ReturnMask = PageCategories.Huge,
        }, regions, out count, out walkEnd);

    /// <summary>Finds the runs of pages that are present in memory.</summary>
    /// <inheritdoc cref="TryFindPopulated"/>
    public static Errno TryFindPresent(
        SafeFileHandle pagemap, ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd,
        ulong maxPages = 0) =>
        TryScan(pagemap, new PageMapScanArgument
        {
            Start = start,
            End = end,
            MaxPages = maxPages,
            CategoryMask = PageCategories.Present,
        }, regions, out count, out walkEnd);

    /// <summary>Finds the runs of pages of files and shared memory that are present, and of the zero page.</summary>
    /// <inheritdoc cref="TryFindPopulated"/>
    public static Errno TryFindFiles(
        SafeFileHandle pagemap, ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd) =>
        TryScan(pagemap, new PageMapScanArgument
        {
            Start = start,
            End = end,
            CategoryMask = PageCategories.Present,
            CategoryAnyOfMask = PageCategories.File | PageCategories.ZeroPage,
        }, regions, out count, out walkEnd);

    /// <summary>
    /// Finds the runs of pages that are present and not of files or shared memory: anonymous ones, the zero page, and memory
    /// of devices.
    /// </summary>
    /// <inheritdoc cref="TryFindPopulated"/>
    public static Errno TryFindAnonymous(
        SafeFileHandle pagemap, ulong start, ulong end, Span<PageRegion> regions, out int count, out ulong walkEnd) =>
        TryScan(pagemap, new PageMapScanArgument
        {
            Start = start,
            End = end,
            CategoryInverted = PageCategories.File,
            CategoryMask = PageCategories.Present | PageCategories.File,
        }, regions, out count, out walkEnd);

    /// <summary>Finds the first run of pages that are not present in memory.</summary>
    /// <param name="pagemap">An open <c>/proc/PID/pagemap</c>.</param>
    /// <param name="start">First address, page-aligned.</param>
    /// <param name="end">First address after the range, page-aligned.</param>
    /// <param name="address">Address of the first page that is not present; <paramref name="end"/> if all are.</param>
    /// <returns>ENOTTY: the kernel is older than 6.7.</returns>
    public static Errno TryFindAbsent(SafeFileHandle pagemap, ulong start, ulong end, out ulong address)
    {
        Span<PageRegion> first = stackalloc PageRegion[1];
        PageMapScanArgument argument = new()
        {
            Start = start,
            End = end,
            CategoryInverted = PageCategories.Present,
            CategoryMask = PageCategories.Present,
        };
        Errno errno = TryScan(pagemap, argument, first, out int count, out _);
        address = count > 0 ? first[0].Start : end;
        return errno;
    }

    private static unsafe Errno TryScan(
        SafeFileHandle pagemap, PageMapScanArgument argument, Span<PageRegion> regions, out int count,
        out ulong walkEnd)
    {
        fixed (PageRegion* vector = regions)
        {
            argument.Size = (ulong)Unsafe.SizeOf<PageMapScanArgument>();
            argument.Vector = (ulong)vector;
            argument.VectorLength = (ulong)regions.Length;
            Errno errno = Libc.TryIoctl(pagemap, Request, &argument, out count);
            walkEnd = argument.WalkEnd;
            return errno;
        }
    }
}

using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Walks the page table of a process as the processor does, from the root to the entry of a page.</summary>
/// <remarks>
/// No lock is held: tables may change or be freed during a walk. The result is compared with pagemap, which is read before
/// and after; where they differ the walk is repeated.
/// </remarks>
internal sealed class PageTableWalker
{
    /// <summary>A page that is being split or migrated settles within fewer attempts.</summary>
    private const int MaxAttempts = 200;

    /// <summary>Attempts without a pause.</summary>
    private const int SpinAttempts = 50;

    /// <summary>After this many attempts a page that pagemap shows as empty is looked for in a mapping without pages.</summary>
    private const int ProbeAttempt = 2;

    /// <summary>VM_PFNMAP: a mapping of frames without struct pages, such as [vvar] or a device.</summary>
    private const ulong FrameMapping = 0x400;

    /// <summary>Pagemap entries that are read together when one page is walked to after another.</summary>
    private const int ReadAheadPages = 64;

    /// <summary>
    /// From this swap type on the offset is a frame number, of a page that is migrated or poisoned, with bits of the
    /// kernel's own above it; real swap areas have lower types (<c>include/linux/swap.h</c>).
    /// </summary>
    private const uint FirstSpecialType = 23;

    private readonly KernelReader _reader;
    private readonly KernelProcess _process;
    private readonly ulong _directMap;
    private readonly ulong _root;

    /// <summary>Pagemap entries that were read ahead of the walks to their pages.</summary>
    private readonly ulong[] _ahead = new ulong[ReadAheadPages];
    private ulong _aheadPage;
    private int _aheadCount;

    /// <summary>Prepares walks.</summary>
    /// <param name="reader">The kernel's memory.</param>
    /// <param name="process">The process.</param>
    /// <inheritdoc cref="KernelProcess(KernelReader, LinuxProcess)" path="/exception"/>
    public PageTableWalker(KernelReader reader, LinuxProcess process)
    {
        _reader = reader;
        _process = new KernelProcess(reader, process);
        _directMap = reader.PageTables.DirectMap;
        Context = new PageTableContext(process.Identity, reader.PageTables.Format,
            (PageMapSupport.UnknownBits(process.Files) & PageMapSupport.SoftDirty) == 0, _directMap, reader.KnownVmemmap);
        _process.ThrowIfGone(Operation.WalkPageTable);
        // Walks are compared with pagemap, which must be that of the same memory.
        _process.ThrowIfOtherMemory(process.PageMap, Operation.WalkPageTable);
        _root = _process.PageTable;
    }

    /// <summary>What all entries have in common.</summary>
    public PageTableContext Context { get; }

    private PageTableFormat Format => Context.Format;

    /// <summary>Walks to the page of an address.</summary>
    /// <param name="address">An address of the process.</param>
    /// <param name="steps">Receives the entries from the root on; must have room for all levels.</param>
    /// <returns>The number of entries, at least 1.</returns>
    /// <exception cref="MemProcException">
    /// WalkPageTable: EINVAL for a kernel address; EFAULT for an address outside user space; EAGAIN if walk and pagemap
    /// differ in every attempt; ESRCH if the process exits or starts another program.
    /// </exception>
    public int Walk(ulong address, Span<PageTableStep> steps)
    {
        UserRange.End(address, 1, Operation.WalkPageTable);
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            RawPageMapEntry before = attempt == 0 ? ReadAheadEntry(address) : ReadEntry(address);
            int count = TryWalk(address, steps);
            RawPageMapEntry after = ReadEntry(address);
            if (count > 0 && before == after && IsConfirmedBy(after, steps[count - 1], address))
            {
                return count;
            }

            if (attempt == ProbeAttempt && count > 0 && !after.IsPresent && !after.IsSwapped && IsLeftOut(address))
            {
                // Nothing can confirm it but another walk.
                ulong entry = steps[count - 1].Entry;
                if (TryWalk(address, steps) == count && steps[count - 1].Entry == entry)
                {
                    return count;
                }
            }

            _process.ThrowIfGone(Operation.WalkPageTable);
            if (attempt >= SpinAttempts)
            {
                Thread.Sleep(1);
            }
        }

        throw new MemProcException(Operation.WalkPageTable, Errno.EAGAIN,
            $"Process {Context.Identity}: the page table at 0x{address:x} and pagemap differed in each of {MaxAttempts} "
            + "attempts. The page keeps changing, or this kernel's tables have an unknown layout.", address);
    }

    /// <summary>
    /// Returns whether an address is in a mapping that pagemap leaves out: it shows all pages of such a mapping as empty
    /// (<c>walk_page_test</c> in <c>mm/pagewalk.c</c>).
    /// </summary>
    private bool IsLeftOut(ulong address)
    {
        List<KernelVmaRecord> vmas = [];
        return new KernelVmaList(_reader, _process.Address).TryRead(vmas)
            && vmas.Exists(vma => address >= vma.Start && address < vma.End && (vma.Flags & FrameMapping) != 0);
    }

    /// <summary>Walks once; returns 0 if a table was freed meanwhile.</summary>
    private int TryWalk(ulong address, Span<PageTableStep> steps)
    {
        ulong table = _root;
        ulong entry = 0;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<ulong>(ref entry));
        for (int level = Format.Levels, count = 0; ; level--)
        {
            if (_reader.TryRead(table + (ulong)(Format.IndexOf(address, level) * PageTableFormat.EntryBytes), bytes)
                != Errno.None)
            {
                return 0;
            }

            steps[count++] = new PageTableStep(level, table, entry);
            PageTableBits bits = Format.Decode(entry, level);
            if (!bits.IsPresent || bits.IsLeaf)
            {
                return count;
            }

            table = _directMap + bits.PhysicalAddress;
        }
    }

    /// <summary>
    /// Returns the pagemap entry of a page from before the walk to it. Where the page follows the last one, entries are
    /// read ahead: one that is the same after the walk, however old, was true at some moment of it.
    /// </summary>
    private RawPageMapEntry ReadAheadEntry(ulong address)
    {
        ulong page = address / MachinePage.SizeBytes;
        if (page - _aheadPage >= (ulong)_aheadCount)
        {
            bool isSequential = _aheadCount > 0 && page == _aheadPage + (ulong)_aheadCount;
            _aheadCount = ReadEntries(address, _ahead.AsSpan(0, isSequential ? ReadAheadPages : 1));
            _aheadPage = page;
        }

        return new RawPageMapEntry(_ahead[page - _aheadPage]);
    }

    private RawPageMapEntry ReadEntry(ulong address)
    {
        ulong entry = 0;
        ReadEntries(address, new Span<ulong>(ref entry));
        return new RawPageMapEntry(entry);
    }

    /// <summary>Reads pagemap entries from the page of an address on; returns their number, at least 1.</summary>
    private int ReadEntries(ulong address, Span<ulong> entries)
    {
        Errno errno = Libc.TryPRead(_process.Process.PageMap, MemoryMarshal.AsBytes(entries),
            address / MachinePage.SizeBytes * sizeof(ulong), out int read);
        if (errno == Errno.None && read >= sizeof(ulong))
        {
            return read / sizeof(ulong);
        }

        _process.ThrowIfGone(Operation.WalkPageTable);
        throw _process.Process.Failure(Operation.WalkPageTable, errno == Errno.None ? Errno.EFAULT : errno,
            $"0x{address:x} is outside the address space of processes", address);
    }

    /// <summary>Returns whether a pagemap entry agrees with the last entry of a walk.</summary>
    private bool IsConfirmedBy(RawPageMapEntry entry, in PageTableStep last, ulong address)
    {
        PageTableBits bits = Format.Decode(last.Entry, last.Level);
        ulong page = (address & (Format.BytesOf(last.Level) - 1)) / MachinePage.SizeBytes;
        if (entry.IsPresent)
        {
            return bits is { IsPresent: true, IsLeaf: true }
                && bits.PhysicalAddress / MachinePage.SizeBytes + page == entry.Pfn;
        }

        if (entry.IsSwapped)
        {
            return bits.IsSwapEntry && bits.SwapType % (1u << RawPageMapEntry.SwapTypeBits) == entry.SwapType
                && (IsOffset(bits.SwapOffset, page, entry.SwapOffset)
                    || (bits.SwapType >= FirstSpecialType && IsOffset(FrameIn(bits.SwapOffset), page, entry.SwapOffset)));
        }

        // A guard is kept as a marker, and so are other things that pagemap shows as empty.
        return !bits.IsPresent;
    }

    /// <summary>For a large entry that is migrated pagemap increments the offset page by page.</summary>
    private static bool IsOffset(ulong found, ulong page, ulong expected) => found + page == expected || found == expected;

    /// <summary>Frame numbers have as many bits as the kernel's largest physical addresses.</summary>
    private ulong FrameIn(ulong offset) => offset & ((1UL << (Format.Levels == PageTableFormat.MaxLevels ? 40 : 34)) - 1);
}

/// <summary>One entry of a walk from the root of a page table to a page.</summary>
/// <param name="Level">The level of its table, 1 for the last one.</param>
/// <param name="TableAddress">The kernel's address of its table.</param>
/// <param name="Entry">The 64 bits of the entry.</param>
internal readonly record struct PageTableStep(int Level, ulong TableAddress, ulong Entry);

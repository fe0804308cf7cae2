using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>One entry on the way from the root of a page table to a page.</summary>
/// <param name="Level">The level of its table.</param>
/// <param name="TableAddress">The kernel's address of its table.</param>
/// <param name="Index">Its place there.</param>
/// <param name="SizeBytes">Bytes of memory that it stands for.</param>
/// <param name="Entry">Its bits.</param>
/// <param name="Bits">What they say.</param>
internal readonly record struct PageTableStep(
    PageTableLevel Level, ulong TableAddress, int Index, ulong SizeBytes, ulong Entry, PageTableBits Bits);

/// <summary>Walks the page table of a process as the processor does, from its root to the entry of a page.</summary>
/// <remarks>
/// No lock is held: tables change and are freed meanwhile. What was found is compared with pagemap, read before and
/// after; where they differ it is walked again.
/// </remarks>
internal sealed class PageTableWalker
{
    private const string Operation = "WalkPageTable";
    private const int Attempts = 100;

    private readonly KernelSession _session;
    private readonly LinuxProcess _process;
    private readonly KernelSession.Translation _tables;
    private readonly ulong _root;

    /// <summary>Prepares walks.</summary>
    /// <param name="session">The kernel's memory.</param>
    /// <param name="process">The process.</param>
    /// <inheritdoc cref="ProcessKernelMemory(KernelSession, LinuxProcess)" path="/exception"/>
    public PageTableWalker(KernelSession session, LinuxProcess process)
    {
        _session = session;
        _process = process;
        _tables = session.PageTables;
        _root = new ProcessKernelMemory(session, process).PageTable;
    }

    /// <summary>The entries from the root to the page of an address, the last one that there is included.</summary>
    /// <param name="address">An address of the process.</param>
    /// <exception cref="MemProcException">
    /// WalkPageTable: EAGAIN where walk and pagemap do not agree however often one looks; ESRCH where the process exits.
    /// </exception>
    public PageTableStep[] Walk(ulong address)
    {
        UserRange.End(address, 1, Operation);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            PageMapWord before = WordOf(address);
            PageTableStep[]? steps = TryWalk(address);
            PageMapWord after = WordOf(address);
            if (steps is not null && before == after && Agrees(steps[^1], address, after))
            {
                return steps;
            }

            _process.ThrowIfExited(Operation);
        }

        throw new MemProcException(Operation, Errno.EAGAIN,
            $"Process {_process.Identity}: the page table at 0x{address:x} and pagemap do not agree, looked at {Attempts} "
            + "times: the page keeps changing.", address);
    }

    private PageTableStep[]? TryWalk(ulong address)
    {
        PageTableFormat format = _tables.Format;
        List<PageTableStep> steps = new(format.Levels);
        ulong table = _root;
        for (int level = format.Levels; ; level--)
        {
            int index = format.IndexOf(address, level);
            ulong entry = 0;
            if (_session.TryRead(table + (ulong)(index * PageTableFormat.EntryBytes),
                MemoryMarshal.AsBytes(new Span<ulong>(ref entry))) != Errno.None)
            {
                // Freed meanwhile, and its memory taken away.
                return null;
            }

            PageTableBits bits = format.Decode(entry, level);
            steps.Add(new PageTableStep(format.NameOf(level), table, index, format.BytesOf(level), entry, bits));
            if (!bits.IsPresent || bits.IsLeaf)
            {
                return [.. steps];
            }

            table = _tables.DirectMap + bits.PhysicalAddress;
        }
    }

    private PageMapWord WordOf(ulong address)
    {
        ulong word = 0;
        Errno errno = Libc.TryPRead(_process.PageMap, MemoryMarshal.AsBytes(new Span<ulong>(ref word)),
            address / MachinePage.SizeBytes * sizeof(ulong), out int read);
        return errno == Errno.None && read == sizeof(ulong) ? new PageMapWord(word)
            : throw _process.Failure(Operation, errno == Errno.None ? Errno.EFAULT : errno,
                $"there is no page table for 0x{address:x}", address);
    }

    /// <summary>Whether the last entry of a walk and pagemap say the same.</summary>
    private static bool Agrees(in PageTableStep last, ulong address, PageMapWord word)
    {
        ulong page = (address & (last.SizeBytes - 1)) / MachinePage.SizeBytes;
        if (word.IsPresent)
        {
            return last.Bits is { IsPresent: true, IsLeaf: true }
                && last.Bits.PhysicalAddress / MachinePage.SizeBytes + page == word.Pfn;
        }

        if (word.IsSwapped)
        {
            // Of a large entry that is on its way, pagemap counts the offset on, page by page.
            return last.Bits.IsSwapEntry && last.Bits.SwapType % (1u << PageMapWord.SwapTypeBits) == word.SwapType
                && (last.Bits.SwapOffset + page == word.SwapOffset || last.Bits.SwapOffset == word.SwapOffset);
        }

        // A guard is kept as a marker, and so are other things that pagemap shows as nothing.
        return !last.Bits.IsPresent;
    }
}

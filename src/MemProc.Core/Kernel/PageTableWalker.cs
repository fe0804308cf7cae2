using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>Walks the page table of a process as the processor does, from its root to the entry of a page.</summary>
/// <remarks>
/// No lock is held: tables change and are freed meanwhile. What was found is compared with pagemap, read before and
/// after; where they differ it is walked again.
/// </remarks>
internal sealed class PageTableWalker
{
    /// <summary>A page that is being split or moved is at rest again within some of these.</summary>
    private const int Attempts = 200;

    /// <summary>From here on whoever changes the page is given time.</summary>
    private const int Patience = 50;

    /// <summary>Pages whose words are read together where one page after the other is asked for.</summary>
    private const int AheadPages = 64;

    /// <summary>
    /// From this type on the offset is a frame number, of a page that moves or is broken, with bits of the kernel's own
    /// above it; the real areas have lower ones (<c>include/linux/swap.h</c>).
    /// </summary>
    private const uint FirstSpecialType = 23;

    private readonly KernelSession _session;
    private readonly LinuxProcess _process;
    private readonly ProcessKernelMemory _memory;
    private readonly ulong _directMap;
    private readonly ulong _root;

    /// <summary>Words of pagemap that were read before walks: those of pages that are walked to one after the other.</summary>
    private readonly ulong[] _ahead = new ulong[AheadPages];
    private ulong _aheadPage;
    private int _aheadCount;

    /// <summary>Prepares walks.</summary>
    /// <param name="session">The kernel's memory.</param>
    /// <param name="process">The process.</param>
    /// <inheritdoc cref="ProcessKernelMemory(KernelSession, LinuxProcess)" path="/exception"/>
    public PageTableWalker(KernelSession session, LinuxProcess process)
    {
        _session = session;
        _process = process;
        _directMap = session.PageTables.DirectMap;
        Context = new PageTableContext(process.Identity, session.PageTables.Format);
        _memory = new ProcessKernelMemory(session, process);
        _memory.ThrowIfGone(Operation.WalkPageTable);
        // What a walk finds is compared with pagemap: that has to be of the same memory.
        _memory.ThrowUnlessOf(process.PageMap, Operation.WalkPageTable);
        _root = _memory.PageTable;
    }

    /// <summary>What all entries have in common.</summary>
    public PageTableContext Context { get; }

    private PageTableFormat Format => Context.Format;

    /// <summary>The entries from the root to the page of an address, the last one that there is included.</summary>
    /// <param name="address">An address of the process.</param>
    /// <param name="steps">Gets them; room for all levels.</param>
    /// <returns>How many there are, at least 1.</returns>
    /// <exception cref="MemProcException">
    /// WalkPageTable: EINVAL for an address of the kernel; EFAULT where the process can have no memory; EAGAIN where walk
    /// and pagemap do not agree however often one looks; ESRCH where the process exits or begins another program.
    /// </exception>
    public int Walk(ulong address, Span<PageTableStep> steps)
    {
        UserRange.End(address, 1, Operation.WalkPageTable);
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            PageMapWord before = attempt == 0 ? WordAhead(address) : WordOf(address);
            int count = TryWalk(address, steps);
            PageMapWord after = WordOf(address);
            if (count > 0 && before == after && Agrees(steps[count - 1], address, after))
            {
                return count;
            }

            _memory.ThrowIfGone(Operation.WalkPageTable);
            if (attempt >= Patience)
            {
                Thread.Sleep(1);
            }
        }

        throw new MemProcException(Operation.WalkPageTable, Errno.EAGAIN,
            $"Process {_process.Identity}: the page table at 0x{address:x} and pagemap do not agree, looked at {Attempts} times: the "
            + "page keeps changing, or this kernel's tables have a form that is not known.", address);
    }

    /// <summary>How many entries there are on the way; 0 where a table was freed meanwhile.</summary>
    private int TryWalk(ulong address, Span<PageTableStep> steps)
    {
        ulong table = _root;
        ulong entry = 0;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<ulong>(ref entry));
        for (int level = Format.Levels, count = 0; ; level--)
        {
            if (_session.TryRead(table + (ulong)(Format.IndexOf(address, level) * PageTableFormat.EntryBytes), bytes)
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
    /// The word of a page, read before the walk to it: together with the next ones where it follows the last page.
    /// However long ago that was, a word that is the same behind the walk held at some moment of it.
    /// </summary>
    private PageMapWord WordAhead(ulong address)
    {
        ulong page = address / MachinePage.SizeBytes;
        if (page - _aheadPage >= (ulong)_aheadCount)
        {
            bool goesOn = _aheadCount > 0 && page == _aheadPage + (ulong)_aheadCount;
            _aheadCount = ReadWords(address, _ahead.AsSpan(0, goesOn ? AheadPages : 1));
            _aheadPage = page;
        }

        return new PageMapWord(_ahead[page - _aheadPage]);
    }

    private PageMapWord WordOf(ulong address)
    {
        ulong word = 0;
        ReadWords(address, new Span<ulong>(ref word));
        return new PageMapWord(word);
    }

    /// <summary>Reads words of pagemap from the page of an address on; returns how many, at least 1.</summary>
    private int ReadWords(ulong address, Span<ulong> words)
    {
        Errno errno = Libc.TryPRead(_process.PageMap, MemoryMarshal.AsBytes(words),
            address / MachinePage.SizeBytes * sizeof(ulong), out int read);
        if (errno == Errno.None && read >= sizeof(ulong))
        {
            return read / sizeof(ulong);
        }

        _memory.ThrowIfGone(Operation.WalkPageTable);
        throw _process.Failure(Operation.WalkPageTable, errno == Errno.None ? Errno.EFAULT : errno,
            $"0x{address:x} is an address that no process can have", address);
    }

    /// <summary>Whether the last entry of a walk and pagemap say the same.</summary>
    private bool Agrees(in PageTableStep last, ulong address, PageMapWord word)
    {
        PageTableBits bits = Format.Decode(last.Entry, last.Level);
        ulong page = (address & (Format.BytesOf(last.Level) - 1)) / MachinePage.SizeBytes;
        if (word.IsPresent)
        {
            return bits is { IsPresent: true, IsLeaf: true }
                && bits.PhysicalAddress / MachinePage.SizeBytes + page == word.Pfn;
        }

        if (word.IsSwapped)
        {
            return bits.IsSwapEntry && bits.SwapType % (1u << PageMapWord.SwapTypeBits) == word.SwapType
                && (IsOffset(bits.SwapOffset, page, word.SwapOffset)
                    || (bits.SwapType >= FirstSpecialType && IsOffset(FrameIn(bits.SwapOffset), page, word.SwapOffset)));
        }

        // A guard is kept as a marker, and so are other things that pagemap shows as nothing.
        return !bits.IsPresent;
    }

    /// <summary>Of a large entry that is on its way pagemap counts the offset on, page by page.</summary>
    private static bool IsOffset(ulong found, ulong page, ulong told) => found + page == told || found == told;

    /// <summary>Frame numbers have as many bits as the kernel's physical addresses can have at most.</summary>
    private ulong FrameIn(ulong offset) => offset & ((1UL << (Format.Levels == PageTableFormat.MostLevels ? 40 : 34)) - 1);
}

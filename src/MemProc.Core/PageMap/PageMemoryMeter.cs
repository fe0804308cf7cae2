using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>How shared and private memory is summed.</summary>
public enum MemoryStatusMethod
{
    /// <summary>By the kernel, in smaps_rollup: all counters, while the process cannot map or unmap memory.</summary>
    Rollup,

    /// <summary>Page by page from pagemap and kpagecount: Rss, Pss, and Uss, in short pieces.</summary>
    Pages,
}

/// <summary>
/// Sums the resident, proportional, and unique memory of a process from <c>/proc/PID/pagemap</c> and
/// <c>/proc/kpagecount</c>, on all processors. Each system call walks one page table, so that the mmap lock of the process
/// is held for microseconds, and the workers let a thread of the process that waits for it go first
/// (<see cref="LockTurns"/>); smaps_rollup holds it for a whole mapping. The rules are those of
/// <c>fs/proc/task_mmu.c</c>.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the read.</param>
public sealed class PageMemoryMeter(LinuxProcess process, CancellationToken cancellation = default)
{
    /// <summary>The warning for a user who may not read the frame tables.</summary>
    public static string CountsHidden => "The kernel hides from this user how often pages are mapped: RssBytes and PssBytes "
        + $"are empty. {CallerRights.Read().Explain([Capability.SysAdmin, Capability.DacReadSearch])}";

    /// <summary>Fixed-point digits of a page's share, as in the kernel.</summary>
    private const int ShareBits = 12;

    /// <summary>Bytes of a mapping that a worker sums at a time.</summary>
    private const ulong PartBytes = 64UL << 20;

    /// <summary>Maximum number of parts of one mapping: of a reservation of terabytes, a part is more than that.</summary>
    private const ulong MaxParts = 16 * 1024;

    /// <summary>Pages of one page table: the kernel holds the lock for so many.</summary>
    private static readonly int PiecePages = (int)MachinePage.SizeBytes / sizeof(ulong);

    /// <summary>Reads the counters of status, and sums the pages.</summary>
    /// <exception cref="MemProcException">
    /// ReadStatus as for <see cref="MemoryStatusReader.Read"/>; ReadMaps, ReadPageMap: EACCES where the process may not be
    /// read; ESRCH where the process exits meanwhile.
    /// </exception>
    public ProcMemoryStatusPages Read()
    {
        ProcMemoryStatus status = MemoryStatusReader.Read(process);
        using FrameTables? tables = OpenTables();
        bool knowsExclusive = (PageMapSupport.UnknownBits(process.Files) & PageMapSupport.Exclusive) == 0;
        LockTurns turns = new();
        ParallelForEach<(ProcMap Map, AddressRange Part), Worker> parts = new(
            PopulatedPages.Parts(MapReader.Read(process, cancellation).Where(map => map.Kind != ProcMapKind.Vsyscall),
                AddressRange.All, PartBytes, MaxParts),
            stop => new Worker(process, tables, knowsExclusive, turns.Add(), stop), cancellation);
        Sums sums = default;
        long longest = 0;
        parts.Run((part, worker) => worker.Add(part.Map, part.Part), worker =>
        {
            sums.Add(worker.Sums);
            longest = Math.Max(longest, worker.MaxCallTicks);
        });
        process.ThrowIfExited(Operation.ReadPageMap);
        Dictionary<string, ulong> counters = new(status.Counters);
        bool isComplete = sums.UncountedPages == 0;
        if (isComplete)
        {
            counters["Rss"] = sums.Pages * MachinePage.SizeBytes;
            counters["Pss"] = sums.Share >> ShareBits;
            counters["Pss_Anon"] = sums.AnonymousShare >> ShareBits;
            counters["Anonymous"] = sums.AnonymousPages * MachinePage.SizeBytes;
        }

        counters["Shared_Hugetlb"] = sums.SharedHugeTlbPages * MachinePage.SizeBytes;
        counters["Private_Hugetlb"] = sums.PrivateHugeTlbPages * MachinePage.SizeBytes;
        return new ProcMemoryStatusPages(status, counters, sums.PrivatePages * MachinePage.SizeBytes,
            isComplete ? sums.UncertainPages * MachinePage.SizeBytes : null,
            TimeSpan.FromSeconds((double)longest / Stopwatch.Frequency).TotalMicroseconds);
    }

    private FrameTables? OpenTables()
    {
        try
        {
            return new FrameTables(FrameAttributes.MapCount, process.Files);
        }
        catch (MemProcException)
        {
            // What the process alone maps is known all the same.
            return null;
        }
    }

    /// <summary>Sums of pages, and of shares of bytes in fixed-point numbers.</summary>
    private record struct Sums
    {
        public ulong Pages;
        public ulong PrivatePages;
        public ulong AnonymousPages;
        public ulong UncertainPages;
        public ulong UncountedPages;
        public ulong SharedHugeTlbPages;
        public ulong PrivateHugeTlbPages;
        public ulong Share;
        public ulong AnonymousShare;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void AddPage(bool isFile, ulong mapCount)
        {
            ulong share = (MachinePage.SizeBytes << ShareBits) / mapCount;
            Pages++;
            Share += share;
            if (!isFile)
            {
                AnonymousPages++;
                AnonymousShare += share;
            }
        }

        public void Add(in Sums other)
        {
            Pages += other.Pages;
            PrivatePages += other.PrivatePages;
            AnonymousPages += other.AnonymousPages;
            UncertainPages += other.UncertainPages;
            UncountedPages += other.UncountedPages;
            SharedHugeTlbPages += other.SharedHugeTlbPages;
            PrivateHugeTlbPages += other.PrivateHugeTlbPages;
            Share += other.Share;
            AnonymousShare += other.AnonymousShare;
        }
    }

    /// <summary>The buffers and sums of one worker.</summary>
    private sealed class Worker(
        LinuxProcess process, FrameTables? tables, bool knowsExclusive, LockTurns.Turn turn, CancellationToken stop)
    {
        private readonly ulong[] _entries = new ulong[PiecePages];
        private readonly PageRegion[] _region = new PageRegion[1];

        /// <summary>Frames that others map too, with the bit of file pages below the number.</summary>
        private readonly ulong[] _shared = new ulong[FrameTables.BatchFrames];
        private readonly ulong[] _counts = new ulong[FrameTables.BatchFrames];
        private readonly ulong[] _flags = new ulong[FrameTables.BatchFrames];
        private readonly ulong[] _pfns = new ulong[FrameTables.BatchFrames];
        private int _waiting;
        private bool _canScan = true;
        private Sums _sums;

        public Sums Sums => _sums;

        /// <inheritdoc cref="LockTurns.Turn.MaxCallTicks"/>
        public long MaxCallTicks => turn.MaxCallTicks;

        public void Add(ProcMap map, AddressRange part)
        {
            // A worker that the kernel wakes must not take the processor from the thread that waited for the lock with it.
            bool isBatch = Libc.TryBeginBatch();
            try
            {
                AddPart(map, part);
            }
            finally
            {
                if (isBatch)
                {
                    Libc.EndBatch();
                }
            }
        }

        private void AddPart(ProcMap map, AddressRange part)
        {
            for (ulong at = part.Start; at < part.End;)
            {
                stop.ThrowIfCancellationRequested();
                ReadOnlySpan<ulong> entries = Read(at, part.End);
                bool isEmpty = map.Kind == ProcMapKind.HugePages ? AddHugeTlb(entries) : AddPages(entries);
                at += (ulong)entries.Length * MachinePage.SizeBytes;
                if (isEmpty && _canScan && at < part.End)
                {
                    at = FindPresent(at, part.End);
                }
            }

            CountShared();
        }

        /// <summary>Reads the entries from an address to the end of their page table.</summary>
        private ReadOnlySpan<ulong> Read(ulong address, ulong end)
        {
            ulong page = address / MachinePage.SizeBytes;
            Span<ulong> entries = _entries.AsSpan(
                0, (int)Math.Min((end - address) / MachinePage.SizeBytes, (ulong)PiecePages - page % (ulong)PiecePages));
            turn.Begin();
            Errno errno = Libc.TryPRead(process.PageMap, MemoryMarshal.AsBytes(entries), page * sizeof(ulong), out int read);
            turn.End();
            if (errno != Errno.None)
            {
                throw process.Failure(Operation.ReadPageMap, errno, $"cannot read the pages from 0x{address:x}", address);
            }

            return read >= sizeof(ulong) ? entries[..(read / sizeof(ulong))] : throw process.Failure(
                Operation.ReadPageMap, Errno.EFAULT, $"has no page table at 0x{address:x} (any more)", address);
        }

        /// <summary>Returns the address of the next page in memory, or the end.</summary>
        private ulong FindPresent(ulong address, ulong end)
        {
            turn.Begin();
            Errno errno = PageMapScan.TryFindPresent(
                process.PageMap, address, end, _region, out int count, out ulong walkEnd, maxPages: 1);
            turn.End();
            _canScan = errno == Errno.None;
            return !_canScan ? address
                : count > 0 ? _region[0].Start
                : walkEnd > address ? walkEnd
                : throw process.Failure(
                    Operation.ReadPageMap, Errno.EFAULT, $"has no page table at 0x{address:x} (any more)", address);
        }

        /// <summary>Adds pages. Returns whether none is in memory.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private bool AddPages(ReadOnlySpan<ulong> entries)
        {
            int privatePages = 0;
            int privateFiles = 0;
            int present = 0;
            foreach (ulong entry in entries)
            {
                RawPageMapEntry page = new(entry);
                if (!page.IsPresent)
                {
                    continue;
                }

                present++;
                if (page.IsExclusive)
                {
                    privatePages++;
                    privateFiles += page.IsFileOrShared ? 1 : 0;
                }
                else
                {
                    AddShared(page);
                }
            }

            ulong share = MachinePage.SizeBytes << ShareBits;
            ulong anonymous = (ulong)(privatePages - privateFiles);
            _sums.Pages += (ulong)privatePages;
            _sums.PrivatePages += (ulong)privatePages;
            _sums.AnonymousPages += anonymous;
            _sums.Share += (ulong)privatePages * share;
            _sums.AnonymousShare += anonymous * share;
            return present == 0;
        }

        /// <summary>Adds pages of hugetlb, which are not resident memory in the kernel's sums.</summary>
        private bool AddHugeTlb(ReadOnlySpan<ulong> entries)
        {
            ulong shared = 0;
            ulong alone = 0;
            foreach (ulong entry in entries)
            {
                RawPageMapEntry page = new(entry);
                shared += page.IsPresent && !page.IsExclusive ? 1UL : 0;
                alone += page.IsPresent && page.IsExclusive ? 1UL : 0;
            }

            _sums.SharedHugeTlbPages += shared;
            _sums.PrivateHugeTlbPages += alone;
            return shared + alone == 0;
        }

        private void AddShared(RawPageMapEntry page)
        {
            if (tables is null || page.IsPfnHidden)
            {
                _sums.UncountedPages++;
                return;
            }

            _shared[_waiting++] = page.Pfn << 1 | (page.IsFileOrShared ? 1UL : 0);
            if (_waiting == _shared.Length)
            {
                CountShared();
            }
        }

        /// <summary>Looks up how often the gathered frames are mapped.</summary>
        private void CountShared()
        {
            if (_waiting == 0)
            {
                return;
            }

            Span<ulong> shared = _shared.AsSpan(0, _waiting);
            Span<ulong> pfns = _pfns.AsSpan(0, _waiting);
            Span<ulong> counts = _counts.AsSpan(0, _waiting);
            Span<ulong> flags = _flags.AsSpan(0, _waiting);
            shared.Sort();
            for (int index = 0; index < shared.Length; index++)
            {
                pfns[index] = shared[index] >> 1;
            }

            counts.Clear();
            flags.Clear();
            tables!.ReadMapCounts(pfns, counts);
            tables.ReadFlags(pfns, flags);
            for (int index = 0; index < shared.Length; index++)
            {
                // The zero page, and memory of devices that has no struct page, are not counted by the kernel either.
                if (counts[index] == 0)
                {
                    continue;
                }

                KernelPageFlagSet set = new(flags[index]);
                _sums.AddPage((shared[index] & 1) != 0, counts[index]);
                _sums.PrivatePages += !knowsExclusive && counts[index] == 1 ? 1UL : 0;
                _sums.UncertainPages += set.IsCompoundHead || set.IsCompoundTail ? 1UL : 0;
            }

            _waiting = 0;
        }
    }
}

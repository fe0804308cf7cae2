using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Compares page frames with what kpageflags, kpagecount and the target itself say.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class PageFrameReaderTests : TargetTests
{
    private const int RandomFrames = 10_000;
    private const int MaxAttempts = 20;

    [Fact]
    public void The_kind_of_ten_thousand_random_frames_agrees_with_kpageflags()
    {
        using PageFrameReader reader = Reader();
        using FrameTables tables = new();
        Random random = new(20);
        ulong[] waiting = [.. Enumerable.Range(0, RandomFrames).Select(_ => (ulong)random.NextInt64((long)reader.End)).Distinct()];
        Dictionary<PageFrameKind, int> seen = [];
        List<string> different = [];
        for (int attempt = 0; attempt < MaxAttempts && waiting.Length > 0; attempt++)
        {
            // The machine runs: a frame that changes between the reads is read again.
            different.Clear();
            List<ulong> again = [];
            foreach (ulong[] pfns in waiting.Chunk(1000))
            {
                PageFlags?[] before = tables.Read(pfns, raw: true);
                PageFrame?[] frames = reader.Read(pfns);
                PageFlags?[] after = tables.Read(pfns, raw: true);
                for (int index = 0; index < pfns.Length; index++)
                {
                    string? fault = Difference(before[index], frames[index], after[index]);
                    if (fault is null)
                    {
                        PageFrameKind kind = frames[index]?.Kind ?? PageFrameKind.Unknown;
                        seen[kind] = seen.GetValueOrDefault(kind) + 1;
                    }
                    else
                    {
                        again.Add(pfns[index]);
                        different.Add(fault);
                    }
                }
            }

            waiting = [.. again];
        }

        Assert.True(waiting.Length == 0, string.Join('\n', different.Take(20)));
        Assert.True(seen.GetValueOrDefault(PageFrameKind.Reserved) > 0 && seen.Count > 5,
            string.Join(", ", seen.Select(kind => $"{kind.Key} {kind.Value}")));
    }

    [Fact]
    public void Every_page_of_the_target_is_what_its_mapping_says()
    {
        using PageFrameReader reader = Reader();
        using CachedFile file = new(pages: 16);
        Target.Ask($"peek {Target.Ask($"file 0 {16 * Page.Size} r-- private {file.FilePath}").Address("address")} {16 * Page.Size}");
        FramePages.Anonymous(Target, 16);
        Dictionary<PageFrameKind, int> seen = [];
        // The runtime of the target maps and unmaps memory from time to time.
        using ProcessStop still = ProcessStop.Begin(Process);
        foreach (ProcMap map in MapReader.Read(Process).Where(map => map.Kind != ProcMapKind.Vsyscall).ToArray())
        {
            PageMapEntry[] Present() => [.. new PageMapWalk(Process).Range(map.Start, map.SizeBytes).Where(page => page.Pfn is not null)];
            PageMapEntry[] pages = Present();
            PageFrame?[] frames = [.. pages.Chunk(4096).SelectMany(chunk => reader.Read([.. chunk.Select(page => page.Pfn!.Value)]))];
            // Pages that the kernel replaced or reclaimed meanwhile do not count.
            HashSet<(ulong, ulong?, bool)> after = [.. Present().Select(page => (page.Address, page.Pfn, page.IsFileOrShared))];
            for (int index = 0; index < pages.Length; index++)
            {
                PageMapEntry page = pages[index];
                PageFrame frame = frames[index]!;
                if (!after.Contains((page.Address, page.Pfn, page.IsFileOrShared)))
                {
                    continue;
                }

                seen[frame.Kind] = seen.GetValueOrDefault(frame.Kind) + 1;
                string where = $"0x{page.Address:x} of {map.Path}: {frame.Kind} {frame.Path}+0x{frame.Offset:x}";
                if (!page.IsFileOrShared)
                {
                    Assert.True(frame.Kind is PageFrameKind.Anonymous or PageFrameKind.Ksm or PageFrameKind.Zero, where);
                }
                else if (map.Inode != 0 && frame.Device == map.Device)
                {
                    Assert.True(frame.Kind is PageFrameKind.File or PageFrameKind.SharedMemory or PageFrameKind.HugeTlb, where);
                    Assert.True(frame.Inode == map.Inode && frame.Offset == map.Offset + (page.Address - map.Start), where);
                    Assert.True(frame.Path == map.Path || map.IsDeleted || frame.Inode == map.Inode, where);
                }
            }
        }

        Assert.True(seen.GetValueOrDefault(PageFrameKind.File) > 100 && seen.GetValueOrDefault(PageFrameKind.Anonymous) > 100,
            string.Join(", ", seen));
    }

    [Fact]
    public void Anonymous_and_shared_memory_are_told_apart()
    {
        using PageFrameReader reader = Reader();
        ulong anonymous = FramePages.Anonymous(Target, 3);
        ulong shared = Target.Ask($"map {2 * Page.Size} rw- shared").Address("address");
        Target.Ask($"touch {shared} 2");
        ulong memfd = Target.Ask($"memfd {2 * Page.Size} garlic").Address("address");
        Target.Ask($"touch {memfd} 2");
        PageFrame[] own = [.. reader.ReadAddress(Process, anonymous, 3 * Page.Size)];
        Assert.All(own, frame => Assert.Equal((PageFrameKind.Anonymous, null, 1), (frame.Kind, frame.Path, frame.MapCount)));
        // The index of anonymous memory is the page of its address; all pages of a mapping have one anon_vma.
        Assert.Equal([0UL, 1, 2], own.Select(frame => frame.Index!.Value - anonymous / Page.Size));
        Assert.True(Assert.Single(own.Select(frame => frame.AnonVmaAddress).Distinct()) > long.MaxValue);
        PageFrame[] dev = [.. reader.ReadAddress(Process, shared, 2 * Page.Size)];
        Assert.Equal([(PageFrameKind.SharedMemory, "/dev/zero", 0UL), (PageFrameKind.SharedMemory, "/dev/zero", Page.Size)],
            dev.Select(frame => (frame.Kind, frame.Path!, frame.Offset!.Value)));
        ProcMap map = MapReader.Find(Process, memfd)!;
        PageFrame[] named = [.. reader.ReadAddress(Process, memfd, 2 * Page.Size)];
        Assert.All(named, frame => Assert.Equal(
            (PageFrameKind.SharedMemory, "/memfd:garlic", map.Inode, "tmpfs"),
            (frame.Kind, frame.Path, frame.Inode!.Value, frame.FileSystem)));
    }

    [Fact]
    public void A_transparent_huge_page_is_one_folio()
    {
        using PageFrameReader reader = Reader();
        ulong address = FramePages.Huge(Target, Process);
        int pages = (int)(HugeTlb.PageBytes / Page.Size);
        PageFrame[] frames = [.. reader.ReadAddress(Process, address, HugeTlb.PageBytes)];
        Assert.Equal(pages, frames.Length);
        Assert.All(frames, frame => Assert.Equal(
            (PageFrameKind.Anonymous, frames[0].Pfn, HugeTlb.PageBytes, 1),
            (frame.Kind, frame.HeadPfn, frame.FolioSizeBytes!.Value, frame.MapCount)));
        Assert.Equal(Enumerable.Range(0, pages).Select(page => address / Page.Size + (ulong)page), frames.Select(frame => frame.Index!.Value));
        // A frame in the middle, by its number alone.
        PageFrame middle = reader.Read([frames[pages / 2 + 1].Pfn])[0]!;
        Assert.Equal((frames[0].Pfn, address / Page.Size + (ulong)pages / 2 + 1), (middle.HeadPfn, middle.Index!.Value));
    }

    [Fact]
    public void A_huge_page_of_hugetlb_has_its_file()
    {
        using PageFrameReader reader = Reader();
        using HugeTlb huge = HugeTlb.Reserve();
        // The target ends before the file system is unmounted.
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // Until it is used it is in the pool.
        Assert.Contains(reader.ReadRange(new PfnRange(0, reader.End), new PageFrameFilter { Kinds = [PageFrameKind.HugeTlb] }),
            frame => frame is { Path: null, MapCount: 0 });
        ulong address = target.Ask($"file 0 {HugeTlb.PageBytes} rw- shared {huge.FilePath}").Address("address");
        target.Ask($"touch {address} 1");
        PageFrame[] frames = [.. reader.ReadAddress(process, address, HugeTlb.PageBytes)];
        Assert.Equal((int)(HugeTlb.PageBytes / Page.Size), frames.Length);
        Assert.All(frames, frame => Assert.Equal((PageFrameKind.HugeTlb, huge.FilePath, frames[0].Pfn, 1, "hugetlbfs"),
            (frame.Kind, frame.Path, frame.HeadPfn, frame.MapCount, frame.FileSystem)));
        Assert.Equal(frames.Select((_, index) => (ulong)index * Page.Size), frames.Select(frame => frame.Offset!.Value));
    }

    [Fact]
    public void Merged_pages_are_of_KSM()
    {
        using PageFrameReader reader = Reader();
        using Ksm ksm = Ksm.On();
        ulong address = FramePages.Merged(Target);
        ulong[] pfns = FramePages.Pfns(Process, address, 2);
        Assert.SkipUnless(pfns[0] == pfns[1], "KSM has not merged the pages");
        PageFrame frame = reader.Read([pfns[0]])[0]!;
        Assert.Equal((PageFrameKind.Ksm, 2), (frame.Kind, frame.MapCount));
    }

    [Fact]
    public void A_page_that_was_swapped_out_and_read_ahead_is_in_the_swap_cache_or_anonymous()
    {
        using PageFrameReader reader = Reader();
        using Swap swap = Swap.On();
        ulong address = FramePages.Anonymous(Target, 8);
        for (ulong page = 0; page < 8; page++)
        {
            Swap.PageOut(Target, address + page * Page.Size);
        }

        Assert.Equal("ReadPageFrame,ENODATA",
            Assert.Throws<MemProcException>(() => reader.ReadAddress(Process, address, 1).ToArray()).ErrorId);
        // A read of one page reads its neighbors ahead: they stay in the swap cache without being mapped.
        Target.Ask($"peek {address} 1");
        Assert.Equal(PageFrameKind.Anonymous, Assert.Single(reader.ReadAddress(Process, address, 1)).Kind);
        using FrameTables tables = new();
        Assert.All(reader.ReadRange(new PfnRange(0, reader.End), new PageFrameFilter { Kinds = [PageFrameKind.SwapCache] }),
            frame => Assert.True(frame.MapCount == 0 && frame.KernelFlags.Contains("swapbacked")));
    }

    [Fact]
    public void Page_tables_and_the_page_of_zeros_are_recognized()
    {
        using PageFrameReader reader = Reader();
        ulong address = FramePages.Anonymous(Target);
        using PageTableReader tables = new();
        IReadOnlyList<PageTableEntry> entries = tables.Entries(Process, address);
        ulong[] frames = [.. entries.SkipLast(1).Select(entry => entry.Pfn!.Value)];
        // Kernels before 6.16 do not mark the tables of the upper levels, of which they make no page tables for struct page.
        using FrameTables flags = new(FrameAttributes.Flags);
        PageFrameKind?[] expected = [.. flags.Read(frames, raw: true).Select(frame => FramePages.KindOf(frame!))];
        Assert.Equal(expected.Select(kind => kind ?? PageFrameKind.Kernel), reader.Read(frames).Select(frame => frame!.Kind));
        Assert.Equal(PageFrameKind.PageTable, expected[^1]);
        ulong zero = Target.Ask($"map {Page.Size} r-- private").Address("address");
        Target.Ask($"peek {zero} 1");
        Assert.Equal(PageFrameKind.Zero, Assert.Single(reader.ReadAddress(Process, zero, 1)).Kind);
    }

    [Fact]
    public void A_walk_to_a_page_ends_at_the_struct_page_that_the_frame_has()
    {
        using PageFrameReader reader = Reader();
        ulong address = FramePages.Anonymous(Target);
        using PageTableReader tables = new();
        IReadOnlyList<PageTableEntry> entries = tables.Entries(Process, address);
        PageFrame frame = reader.Read([entries[^1].Pfn!.Value])[0]!;
        Assert.Equal(frame.StructPageAddress, entries[^1].StructPageAddress);
        Assert.All(entries.SkipLast(1), entry => Assert.Null(entry.StructPageAddress));
        Assert.Equal(entries.Skip(1).Select(entry => (ulong?)entry.TableAddress),
            entries.SkipLast(1).Select(entry => entry.FrameKernelAddress));
        Assert.All(entries, entry => Assert.Equal(entry.Entry & entry.FrameMask, entry.FrameAddress));
    }

    [Fact]
    public void Map_counts_and_cgroups_are_those_of_the_frame_tables()
    {
        using PageFrameReader reader = Reader();
        using FrameTables tables = new();
        ulong[] pfns = [.. reader.ReadProcess(Process, AddressRange.All).Select(frame => frame.Pfn).Distinct().Take(2000)];
        int compared = 0;
        foreach (ulong[] batch in pfns.Chunk(500))
        {
            PageFlags?[] before = tables.Read(batch, raw: true);
            PageFrame?[] frames = reader.Read(batch);
            PageFlags?[] after = tables.Read(batch, raw: true);
            for (int index = 0; index < batch.Length; index++)
            {
                if (before[index]!.MapCount == after[index]!.MapCount && before[index]!.CgroupInode == after[index]!.CgroupInode
                    && frames[index]!.Kind is not PageFrameKind.Reserved)
                {
                    Assert.Equal((before[index]!.MapCount, before[index]!.CgroupInode),
                        ((ulong)frames[index]!.MapCount, frames[index]!.CgroupInode ?? 0));
                    Assert.Equal(before[index]!.CgroupPath, frames[index]!.CgroupPath);
                    compared++;
                }
            }
        }

        Assert.InRange(compared, pfns.Length / 2, pfns.Length);
    }

    [Fact]
    public void Zones_are_those_of_zoneinfo()
    {
        using PageFrameReader reader = Reader();
        PageFrame frame = Assert.Single(reader.ReadAddress(Process, FramePages.Anonymous(Target), 1));
        Assert.SkipWhen(frame.Zone is null, "this kernel's layout of page.flags is not known");
        string zone = "";
        ulong spanned = 0;
        foreach (string[] words in File.ReadLines("/proc/zoneinfo").Select(line => line.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries)))
        {
            if (words is ["Node", var node, "zone", var name])
            {
                zone = $"{node} {name}";
            }
            else if (words is ["spanned", var count])
            {
                spanned = ulong.Parse(count);
            }
            else if (words is ["start_pfn:", var start] && frame.Pfn >= ulong.Parse(start) && frame.Pfn - ulong.Parse(start) < spanned)
            {
                break;
            }
        }

        Assert.Equal(zone, $"{frame.Node} {frame.Zone}");
    }

    [Fact]
    public void Migrate_types_add_up_to_the_blocks_of_pagetypeinfo()
    {
        using PageFrameReader reader = Reader();
        string[] lines = File.ReadAllLines("/proc/pagetypeinfo");
        int header = Array.FindIndex(lines, line => line.StartsWith("Number of blocks type", StringComparison.Ordinal));
        ulong blockFrames = 1UL << int.Parse(lines[0].Split(':')[1]);
        string[] names = lines[header].Split(' ', StringSplitOptions.RemoveEmptyEntries)[4..];
        ulong[] expected = new ulong[names.Length];
        foreach (string line in lines[(header + 1)..].Where(line => line.StartsWith("Node", StringComparison.Ordinal)))
        {
            string[] counts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^names.Length..];
            for (int index = 0; index < names.Length; index++)
            {
                expected[index] += ulong.Parse(counts[index]);
            }
        }

        List<ulong> heads = [];
        for (ulong pfn = 0; pfn < reader.End; pfn += blockFrames)
        {
            heads.Add(pfn);
        }

        Dictionary<string, ulong> found = heads.Chunk(1000).SelectMany(chunk => reader.Read(chunk)).OfType<PageFrame>()
            .GroupBy(frame => frame.MigrateType ?? "", frame => frame).ToDictionary(group => group.Key, group => (ulong)group.Count());
        Assert.SkipWhen(found.ContainsKey("") && found.Count == 1, "needs vmcoreinfo");
        ulong total = expected.Aggregate(0UL, (sum, count) => sum + count);
        // Blocks change their type while the machine runs, and the kernel leaves holes out.
        for (int index = 0; index < names.Length; index++)
        {
            long difference = (long)found.GetValueOrDefault(names[index]) - (long)expected[index];
            Assert.True(Math.Abs(difference) <= (long)total / 20 + 8, $"{names[index]}: {found.GetValueOrDefault(names[index])}, not {expected[index]}");
        }
    }

    [Fact]
    public void A_frame_that_does_not_exist_is_no_frame()
    {
        using PageFrameReader reader = Reader();
        ulong pfn = FramePages.Pfns(Process, FramePages.Anonymous(Target))[0];
        PageFrame?[] frames = reader.Read([1UL << 40, pfn, reader.End]);
        Assert.Equal([null, pfn, null], frames.Select(frame => frame?.Pfn));
        Assert.Empty(reader.ReadRange(new PfnRange(reader.End, 100)));
    }

    [Fact]
    public void A_kernel_without_type_information_is_an_error_that_says_so()
    {
        LiveKernel.Require();
        using SimulatedProcess simulated = new();
        using PageFrameReader reader = new(KernelReadSource.Auto, simulated.Files);
        MemProcException error = Assert.Throws<MemProcException>(reader.Prepare);
        Assert.Equal("ReadBtf,ENOENT", error.ErrorId);
        Assert.Contains("CONFIG_DEBUG_INFO_BTF", error.Message, StringComparison.Ordinal);
        using PhysicalMemoryReader memory = new(KernelReadSource.Auto, simulated.Files);
        Assert.NotEqual(Errno.None, Assert.Throws<MemProcException>(memory.Prepare).Errno);
    }

    /// <summary>Opens a reader; skips the test where struct pages cannot be read.</summary>
    internal static PageFrameReader Reader()
    {
        LiveKernel.Require();
        return new PageFrameReader(LiveKernel.Source);
    }

    private static bool IsRam(PageFlags frame)
    {
        PhysicalMap map = PhysicalMap.Read();
        try
        {
            return map.ContainingFrames(frame.Pfn).Any(range => range.Name.StartsWith("System RAM", StringComparison.Ordinal));
        }
        catch (MemProcException)
        {
            return false;
        }
    }

    /// <summary>Returns how a frame differs from kpageflags; null if it does not, or kpageflags leaves its kind open.</summary>
    private static string? Difference(PageFlags? before, PageFrame? frame, PageFlags? after)
    {
        // A hole in physical memory has no flags, and neither has a frame in the middle of a free block.
        if (before is null || before.RawFlags == 1UL << 20 || (before.RawFlags == 0 && frame is null && !IsRam(before)))
        {
            return frame is null ? null : $"0x{frame.Pfn:x}: {frame.Kind}, but kpageflags has no page";
        }

        // /proc/kcore has the struct pages of RAM only.
        if (frame is null && LiveKernel.Source == KernelReadSource.Kcore && !IsRam(before))
        {
            return null;
        }

        if (frame is null)
        {
            return $"0x{before.Pfn:x}: no frame, but kpageflags has {string.Join(',', before.Flags)}";
        }

        PageFrameKind? expected = FramePages.KindOf(before);
        PageFrameKind kind = frame.Kind == PageFrameKind.Ksm ? PageFrameKind.Anonymous : frame.Kind;
        return before.RawFlags != after?.RawFlags ? $"0x{frame.Pfn:x}: it keeps changing"
            : expected is null ? (kind is PageFrameKind.Slab or PageFrameKind.PageTable or PageFrameKind.Anonymous
                ? $"0x{frame.Pfn:x}: {kind}, but kpageflags has {string.Join(',', before.Flags)}"
                : null)
            : expected == kind ? null
            : $"0x{frame.Pfn:x}: {kind}, but kpageflags has {string.Join(',', before.Flags)}";
    }
}

using System.Text;
using System.Text.RegularExpressions;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests the page information of cores: it answers as the process did, and is read from damaged files.</summary>
public sealed class CorePageInfoTests : IDisposable
{
    /// <summary>Flags that the kernel does not change while a process is stopped, unlike those of its lists.</summary>
    private const ulong SteadyFlags = 1UL << 11 | 1UL << 12 | 1UL << 15 | 1UL << 16 | 1UL << 17 | 1UL << 22 | 1UL << 24;

    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Saved_pages_are_those_of_the_process()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {600 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address + 8 * Page.Size} 40 3");
        target.Ask($"reserve {1UL << 36} 20");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using SuspendedProcess stopped = SuspendedProcess.Begin(process);
        // Before the save, which faults the pages of [vdso] in.
        string[] pages = [.. Describe(new PageMapWalk(process).All())];
        string[] smaps = [.. MapReader.ReadDetailed(process).Select(Counters)];
        ulong? resident = MemoryStatusReader.ReadDetailed(process).RssBytes;
        using MemProc.CoreFile core = MemProc.CoreFile.Open(Save(process));
        Assert.True(core.HasPageInfo);
        Assert.Equal(pages, Describe(new PageMapWalk(core).All()));
        Assert.Equal(Describe(new PageMapWalk(process) { IncludeEmpty = true }.Range(address, 600 * Page.Size)),
            Describe(new PageMapWalk(core) { IncludeEmpty = true }.Range(address, 600 * Page.Size)));
        PageMapEntry at = new PageMapWalk(core).At(address + 8 * Page.Size + 5).Single();
        Assert.Equal((address + 8 * Page.Size + 5, core.CorePath, true), (at.Address, at.CorePath, at.IsPresent));
        Assert.False(new PageMapWalk(core).At(address).Single().IsPresent);
        Assert.Equal(new PageMapWalk(process) { JoinRuns = true, Filter = new PageFilter { IsAnonymous = true } }.All().Count(),
            new PageMapWalk(core) { JoinRuns = true, Filter = new PageFilter { IsAnonymous = true } }.All().Count());
        Assert.Equal(smaps, MapReader.ReadDetailed(core).Select(Counters));
        Assert.Equal(resident, MemoryStatusReader.ReadDetailed(core).RssBytes);

        static string Counters(ProcMapDetail map) => $"{map.Start:x} {map.RssBytes} {map.AnonymousBytes} {string.Join(' ', map.VmFlags)}";
    }

    [Fact]
    public void Saved_limits_and_the_kernel_are_those_of_the_process()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using SuspendedProcess stopped = SuspendedProcess.Begin(process);
        ProcMemoryHeadroom live = MemoryHeadroomReader.Read(process);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(Save(process));
        ProcMemoryHeadroom saved = MemoryHeadroomReader.Read(core);
        Assert.Equal(core.CorePath, saved.CorePath);
        Assert.Equal(Steady(live), Steady(saved));
        Assert.NotNull(saved.StackLimitBytes);
        Assert.NotNull(saved.SystemAvailableBytes);
        Assert.True(live.CgroupPath is null || live.CgroupPath == saved.CgroupPath);
        Assert.Null(saved.CgroupCurrentBytes);
        Assert.Equal(File.ReadAllText("/proc/version").TrimEnd(), ProcessCoreReader.Read(core).Kernel);

        static string Steady(ProcMemoryHeadroom one) => $"{one.MapCount} {one.MaxMapCount} {one.AddressSpaceLimitBytes} "
            + $"{one.LockedLimitBytes} {one.DataLimitBytes} {one.StackLimitBytes} {one.OomScoreAdj} {one.SystemSwapTotalBytes} "
            + $"{one.KsmMergingPages} {one.KsmRmapItems} {one.VmSizeBytes}";
    }

    [Fact]
    public void Saved_frames_have_flags_map_counts_and_cgroups()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using SuspendedProcess stopped = SuspendedProcess.Begin(process);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(Save(process));
        using FrameTables live = new(), saved = FrameTables.Of(core);
        ulong[] pfns = [.. new PageMapWalk(process) { Filter = new PageFilter { IsExclusive = true, IsAnonymous = true } }.All()
            .Select(page => page.Pfn).OfType<ulong>()];
        Assert.True(pfns.Length > 100);
        Assert.Equal(live.Read(pfns, raw: false).Select(Steady), saved.Read(pfns, raw: false).Select(Steady));
        PageMapEntry[] pages = [.. new PageMapWalk(core) { Frames = saved, Filter = new PageFilter { IsPresent = true } }.All()];
        Assert.All(pages, page => Assert.NotNull(page.RawFlags));
        Assert.Contains(pages, page => page.MapCount > 1);
        FlagTallyBuilder count = new(saved, raw: false, new PageFilter());
        count.AddProcess(core);
        Assert.Equal((ulong)pages.Length, count.Counts.Summaries.Aggregate(0UL, (sum, summary) => sum + summary.PageCount));
        PageFlags[] all = [.. new FrameWalk(saved, raw: false).Runs(new PfnRange(0, saved.End))];
        Assert.Equal((ulong)pages.Select(page => page.Pfn).Distinct().Count(), all.Aggregate(0UL, (sum, run) => sum + run.PageCount));
        Assert.All(all, run => Assert.Equal(core.CorePath, run.CorePath));
        Assert.Equal("ReadPageFlags,ENODATA", Assert.Throws<MemProcException>(
            () => new FrameWalk(saved, raw: false).Range(new PfnRange(saved.End + 1)).ToArray()).ErrorId);
        if (all.FirstOrDefault(run => run.CgroupPath is not null) is PageFlags charged)
        {
            Assert.Equal(charged.CgroupInode, FrameFilter.Create(null, null, null, null, charged.CgroupPath, core).CgroupInode);
        }

        Assert.Equal("FindCgroup,ENOENT", Assert.Throws<MemProcException>(
            () => FrameFilter.Create(null, null, null, null, "/no such cgroup", core)).ErrorId);

        static string Steady(PageFlags? frame) => $"{frame!.Pfn:x} {frame.RawFlags & SteadyFlags:x} {frame.MapCount} {frame.CgroupPath}";
    }

    [Fact]
    public void A_core_without_memory_is_small_and_has_gaps_only()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        string path = Path.Combine(_folder.Path, "layout");
        MemoryDump dump = MemorySaver.Save(process, null, path,
            new SaveOptions { Stop = true, PageInfo = true, NoContent = true }, _ => { }, CancellationToken.None);
        Assert.Equal((0UL, true), (dump.SavedBytes, dump.HasPageInfo));
        Assert.InRange(dump.SizeBytes, 1UL, 1UL << 20);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        Assert.Equal(0UL, core.SavedBytes);
        Assert.NotEmpty(core.Threads);
        ProcMap stack = MapReader.Read(core).First(map => map.Kind == ProcMapKind.Stack);
        MemoryBlock block = Assert.Single(new MemoryReader(core, ReadMethod.Auto).ReadBlocks(stack.Start, stack.SizeBytes));
        Assert.Equal([new MemoryGap(stack.Start, stack.SizeBytes, MemoryGapKind.NotSaved, Errno.None)], block.Gaps);
        Assert.Contains(new PageMapWalk(core).Range(stack.Start, stack.SizeBytes), page => page.IsPresent);
        Assert.NotNull(MemorySaver.Conflict(new SaveOptions { Format = MemoryDumpFormat.Raw, PageInfo = true }));
    }

    [Fact]
    public void A_core_without_memory_has_the_build_ids_of_the_mapped_files()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        string path = Path.Combine(_folder.Path, "layout");
        MemorySaver.Save(process, null, path, new SaveOptions { NoContent = true }, _ => { }, CancellationToken.None);
        using MappedImages live = new(process);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        ProcessCore found = ProcessCoreReader.Read(core);
        Assert.Contains(found.Images, image => image.Path.EndsWith("/libc.so.6", StringComparison.Ordinal));
        Assert.All(found.Images, image => Assert.Equal(
            (live.Files.First(file => file.Path == image.Path).BuildId, true), (image.BuildId, image.IsOnDisk)));
        AddressExpression function = AddressExpression.Parse("libc.so.6!getpid");
        Assert.Equal(function.Resolve(process), function.Resolve(core));
        // The page can have been changed, so that the file does not stand for it.
        MemoryBlock code = Assert.Single(new MemoryReader(core, ReadMethod.Auto).ReadBlocks(function.Resolve(core), 16));
        Assert.Equal(MemoryGapKind.NotSaved, Assert.Single(code.Gaps).Kind);
    }

    [Fact]
    public void A_core_without_page_information_says_what_writes_it()
    {
        using MemProc.CoreFile core = Read(Small(CoreNoteFormat.Version).Build());
        foreach (Action read in (Action[])[() => _ = new PageMapWalk(core).All().Count(), () => FrameTables.Of(core).Dispose(),
            () => _ = MapReader.ReadDetailed(core).Count(), () => MemoryStatusReader.ReadDetailed(core),
            () => MemoryHeadroomReader.Read(core)])
        {
            MemProcException error = Assert.Throws<MemProcException>(read);
            Assert.Equal(Errno.ENODATA, error.Errno);
            Assert.Contains("Save-ProcessMemory -PageInfo", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void Notes_of_this_and_the_previous_version_are_read(int version, bool isRead)
    {
        using MemProc.CoreFile core = Read(Small((uint)version).Build());
        Assert.Equal(isRead, core.IsOfMemProc);
        MemoryBlock block = Assert.Single(new MemoryReader(core, ReadMethod.Auto).ReadBlocks(0x10000, 3 * 4096));
        // Without the notes, the bytes after those in the file are missing.
        Assert.Equal(isRead ? 4096UL : 8192UL, block.Gaps.Aggregate(0UL, (sum, gap) => sum + gap.Length));
        Assert.Equal(isRead ? "[heap]" : string.Empty, MapReader.Find(core, 0x10000)!.Path);
    }

    [Fact]
    public void Runs_of_pages_and_frames_are_decoded_as_they_were_encoded()
    {
        Random random = new(5);
        List<CorePageRun> pages = [];
        List<SavedFrameRun> frames = [];
        CoreBlockBuilder pageBlock = new(0), frameBlock = new(0);
        List<byte[]> pageNotes = [], frameNotes = [];
        ulong[] states = [1UL << 63, 0x81UL << 56, 1UL << 62, 1UL << 62 | 1UL << 58, 1UL << 57, 0xa1UL << 56 | 1UL << 55];
        for (int number = 0; number < 20_000; number++)
        {
            ulong end = pages.Count == 0 ? 0 : pages[^1].End, last = frames.Count == 0 ? 1 : frames[^1].End;
            ulong frame = random.Next(4) == 0 ? 0 : (ulong)random.NextInt64(1L << random.Next(1, 50));
            CorePageRun page = new(end + (ulong)random.NextInt64(1L << random.Next(1, 30)), (ulong)random.Next(1, 1000),
                states[random.Next(states.Length)] | frame, random.Next(2) == 0);
            pages.Add(page);
            if (pageBlock.IsFull)
            {
                pageNotes.Add(pageBlock.Take(pageBlock.Last).ToArray());
            }

            CorePageFormat.Add(pageBlock, page);
            SavedFrameRun run = new(last + (ulong)random.Next(9), (ulong)random.Next(1, 1000), (ulong)random.NextInt64(),
                (ulong)random.Next(100), (ulong)random.Next(3));
            frames.Add(run);
            if (frameBlock.IsFull)
            {
                frameNotes.Add(frameBlock.Take(frameBlock.Last).ToArray());
            }

            CorePageFormat.Add(frameBlock, run);
        }

        pageNotes.Add(pageBlock.Take(1UL << 52).ToArray());
        frameNotes.Add(frameBlock.Take(CorePageFormat.EndOfFrames).ToArray());
        Assert.True(pageNotes.Count > 5);
        Assert.Equal(pages, pageNotes.SelectMany(note => CorePageFormat.ReadPages(note)));
        Assert.Equal(frames, frameNotes.SelectMany(note => CorePageFormat.ReadFrames(note)));
        Assert.All(pageNotes.Concat(frameNotes), note => Assert.True(CorePageFormat.IsBlock((ulong)note.Length)));
    }

    [Fact]
    public void A_core_that_was_cut_off_anywhere_answers_with_what_it_has()
    {
        using Program32 small = Program32.Start();
        using LinuxProcess process = LinuxProcess.Open(small.ProcessId);
        byte[] whole = File.ReadAllBytes(Save(process));
        using MemProc.CoreFile complete = Read(whole);
        PageMapEntry[] pages = [.. new PageMapWalk(complete).All()];
        ProcMap[] maps = [.. MapReader.Read(complete)];
        int read = 0, refused = 0;
        HashSet<string> pageCounts = [];
        for (int length = whole.Length; length > 0; length -= whole.Length / 150)
        {
            try
            {
                using MemProc.CoreFile core = Read(whole[..length]);
                // Program headers are read: memory is as it was, or missing.
                foreach (ProcMap map in MapReader.Read(core))
                {
                    MemoryReader reader = new(core, ReadMethod.Auto);
                    foreach (MemoryBlock block in reader.ReadBlocks(map.Start, map.SizeBytes))
                    {
                        byte[] expected = new byte[block.Length];
                        _ = new MemoryReader(complete, ReadMethod.Auto).Read(block.Address, expected.AsSpan());
                        foreach (MemoryGap gap in block.Gaps)
                        {
                            Assert.Equal(MemoryGapKind.NotSaved, gap.Kind);
                            expected.AsSpan((int)(gap.Address - block.Address), (int)gap.Length).Clear();
                        }

                        Assert.True(expected.AsSpan().SequenceEqual(block.Bytes.Length == 0 ? new byte[block.Length] : block.Bytes));
                    }
                }

                read++;
                pageCounts.Add(core.HasPageInfo ? PagesOf(core) : "none");
            }
            catch (MemProcException error) when (error.Operation == Operation.ReadElf)
            {
                Assert.Contains("program headers", error.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, 1, 40);
        Assert.True(read > 60);
        Assert.Equal(["none", "cut", "whole"], pageCounts.OrderBy(one => one == "none" ? 0 : one == "cut" ? 1 : 2));

        string PagesOf(MemProc.CoreFile core)
        {
            try
            {
                PageMapEntry[] found = [.. new PageMapWalk(core).All()];
                Assert.Equal(Describe(pages), Describe(found));
                return "whole";
            }
            catch (MemProcException error)
            {
                Assert.Equal(Errno.ENODATA, error.Errno);
                return "cut";
            }
        }
    }

    [Fact]
    public void Gdb_and_readelf_open_a_core_with_page_information()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        string path = Save(process);
        string headers = Shell.Run(Requires.Tool("readelf"), "-hlnW", path);
        Assert.DoesNotContain("arning", headers, StringComparison.Ordinal);
        Assert.Contains("CORE (Core file)", headers, StringComparison.Ordinal);
        Assert.Matches("Start of program headers: +64 ", headers);
        string threads = Shell.Run(Requires.Tool("gdb"), "-batch", "-nx", "-ex", "info threads", DotnetHost.Path, path);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        // The process runs again, and can have other threads by now.
        Assert.Equal(core.Threads.Count, Regex.Count(threads, @"^[* ] +\d+ .*LWP \d+", RegexOptions.Multiline));
    }

    [Fact]
    public void Eu_readelf_opens_a_core_with_page_information()
    {
        string tool = Requires.Tool("eu-readelf");
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        (int exitCode, string output, string errors) = Shell.Try(tool, ["-hln", Save(process)]);
        Assert.True(exitCode == 0 && errors.Length == 0, errors);
        Assert.Contains("CORE (Core file)", output, StringComparison.Ordinal);
        Assert.Contains("PRSTATUS", output, StringComparison.Ordinal);
        Assert.Contains("MEMPROC", output, StringComparison.Ordinal);
    }

    private string Save(LinuxProcess process)
    {
        string path = Path.Combine(_folder.Path, "pages");
        MemorySaver.Save(process, null, path, new SaveOptions { Stop = true, PageInfo = true }, _ => { }, CancellationToken.None);
        return path;
    }

    private static HandmadeCore Small(uint version)
    {
        byte[] header = CoreNoteFormat.Header(77, DateTimeOffset.UnixEpoch);
        BitConverter.GetBytes(version).CopyTo(header, 0);
        return new HandmadeCore().Load(0x10000, [.. Enumerable.Repeat((byte)7, 4096)], memoryBytes: 3 * 4096)
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.HeaderType, header)
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.FileType,
                CoreNoteFormat.File("maps", "10000-13000 rw-p 00000000 00:00 0 [heap]\n"u8))
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.FileType,
                CoreNoteFormat.File("status", Encoding.ASCII.GetBytes("Name:\tprogram\nVmSize:\t12 kB\n")))
            .Note(CoreNoteFormat.Owner, CoreNoteFormat.GapsType, CoreNoteFormat.Gaps([(0x12000, 4096, 0, Errno.None)]));
    }

    private static IEnumerable<string> Describe(IEnumerable<PageMapEntry> pages) => pages.Select(page =>
        $"{page.Address:x} {page.Raw & ~(1UL << 56):x} {page.PageSizeBytes} {page.IsHuge} {page.IsSoftDirty} {page.IsGuard} {page.Path}");

    private static MemProc.CoreFile Read(byte[] bytes) =>
        MemProc.CoreFile.Read(new ElfBufferSource(bytes, "handmade"), "/handmade", DateTimeOffset.UnixEpoch);
}

using System.Globalization;

namespace MemProc.Tests;

/// <summary>
/// Compares pages with page-types of the kernel's source. A process changes between the two reads, so both are repeated
/// until they agree; a test fails only if they never agree.
/// </summary>
public sealed class PageTypesTests
{
    private const int Tries = 30;

    /// <summary>The flags from locked to arch; the flags after them differ between versions.</summary>
    private const int CommonLetters = 34;

    /// <summary>The flag ksm.</summary>
    private const int KsmLetter = 21;

    /// <summary>
    /// The range in which the target maps memory on command. Outside are libraries that page-types also maps while it
    /// counts, and pages that the runtime touches.
    /// </summary>
    private const ulong Arena = 0x7000_0000_0000, ArenaEnd = 0x7400_0000_0000;

    private static readonly string[] InArena = ["-a", $"0x{Arena / Page.Size:x},0x{ArenaEnd / Page.Size:x}"];

    /// <summary>The kernel reports every anonymous page as merged, page-types shows it, and MemProc does not.</summary>
    private static readonly bool IsKsmWrong = KsmFlag.IsWrong(KernelFiles.Default);

    private const int AdviseMergeable = 12, AdviseHuge = 14, AdvisePageOut = 21;

    [Fact]
    public void Every_page_with_its_frame_flags_map_count_and_cgroup()
    {
        using TargetProcess target = Mixed(out TemporaryFolder folder);
        using (folder)
        {
            AgreeOnPages(target);
        }
    }

    [Fact]
    public void Merged_pages()
    {
        Requires.PageTypes();
        Requires.Root();
        SkipWhereKsmIsWrong();
        using Ksm ksm = Ksm.On();
        using TargetProcess target = Mixed(out TemporaryFolder folder);
        using (folder)
        {
            Ksm.WaitForMerging();
            string[] pages = AgreeOnPages(target);
            Assert.Contains(pages, page => page.Split(' ')[4][21] == 'x' && page.Split(' ')[2] != "1");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_summary_of_a_process(bool raw)
    {
        using TargetProcess target = Mixed(out TemporaryFolder folder);
        using (folder)
        {
            Agree(target, raw ? [.. InArena, "-r"] : InArena, Summary, (process, tables) =>
            {
                FlagTallyBuilder count = new(tables, raw, new PageFilter());
                count.AddProcess(process, Arena, ArenaEnd - Arena);
                return Counted(count);
            });
        }
    }

    [Theory]
    [InlineData("lru,dirty", null, "lru,dirty", null, null)]
    [InlineData("lru,dirty=lru", "lru", null, "dirty", null)]
    [InlineData("anonymous,~referenced", "anonymous", null, "referenced", null)]
    [InlineData("=uptodate,lru,mmap,anonymous,swapbacked", null, null, null, "uptodate,lru,mmap,anonymous,swapbacked")]
    public void The_four_forms_of_filters_by_flag(string bits, string? all, string? any, string? none, string? exact)
    {
        if (exact is not null)
        {
            SkipWhereKsmIsWrong();
        }

        using TargetProcess target = Mixed(out TemporaryFolder folder);
        using (folder)
        {
            Agree(target, [.. InArena, "-b", bits], Summary, (process, tables) =>
            {
                FlagTallyBuilder count = new(tables, raw: false, new PageFilter
                {
                    Frame = new FrameFilter
                    {
                        Flags = FlagFilter.Create(all?.Split(','), any?.Split(','), none?.Split(','), exact?.Split(',')),
                    },
                });
                count.AddProcess(process, Arena, ArenaEnd - Arena);
                return Counted(count);
            });
        }
    }

    [Fact]
    public void A_range_of_addresses()
    {
        using TargetProcess target = Start();
        ulong address = target.Ask($"map {64 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 64");
        string range = $"0x{address / Page.Size + 3:x}+7";
        Agree(target, ["-L", "-N", "-a", range], output => [.. Rows(output).Select(row => $"{row[0]} {row[1]}")],
            (process, _) => [.. new PageMapWalk(process).Range(address + 3 * Page.Size, 7 * Page.Size)
                .Select(page => $"{page.Address / Page.Size:x} {page.Pfn:x}")]);
    }

    [Fact]
    public void Pages_swapped_out_and_half_of_them_swapped_in()
    {
        Requires.Root();
        Requires.PageTypes();
        using Swap swap = Swap.On();
        using TargetProcess target = Start();
        ulong address = target.Ask($"map {256 * Page.Size} rw- private").Address("address");
        target.Ask($"fill {address} {256 * Page.Size} 1");
        target.Ask($"advise {address} {256 * Page.Size} {AdvisePageOut}");
        target.Ask($"peek {address} {100 * Page.Size}");
        Agree(target, ["-L", "-N", "-a", $"0x{address / Page.Size:x}+256"],
            // page-types shows the swap slot of a swapped page in the column of the frame.
            output => [.. Rows(output).Select(row => $"{row[0]} {row[1]} {Symbol(row[2])}")],
            (process, tables) =>
            {
                PageMapEntry[] pages = [.. new PageMapWalk(process) { Frames = tables }.Range(address, 256 * Page.Size)];
                Assert.Contains(pages, page => page.IsSwapped && page.Pfn is null && page.SwapOffset > 0);
                Assert.Contains(pages, page => page.IsPresent);
                return [.. pages.Select(page => string.Join(' ', $"{page.Address / Page.Size:x}",
                    $"{page.Pfn ?? page.SwapOffset:x}", Symbol(page.Symbol ?? new string('_', CommonLetters))))];
            });
    }

    [Fact]
    public void More_mappings_than_page_types_can_store()
    {
        // page-types stores 10,240 mappings and silently ignores the others.
        using TargetProcess target = Start();
        TargetReply many = target.Ask("vmas 12000");
        ulong address = many.Address("address"), length = many.Number("length");
        target.Ask($"protect {address} {length} rw-");
        target.Ask($"touch {address} 12000");
        // Alternating again, so that neighbours are not merged.
        for (ulong page = 0; page < 12000; page += 2)
        {
            target.Ask($"protect {address + page * Page.Size} {Page.Size} r--");
        }

        using FrameTables tables = new();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        FlagTallyBuilder count = new(tables, raw: false, new PageFilter());
        count.AddProcess(process);
        ulong ours = count.Counts.Summaries.Aggregate(0UL, (sum, summary) => sum + summary.PageCount);
        ulong theirs = Summary(Shell.Run(Requires.PageTypes(), "-p", $"{target.ProcessId}"))
            .Aggregate(0UL, (sum, line) => sum + ulong.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));
        Assert.InRange(ours, 12000UL, ulong.MaxValue);
        Assert.InRange(theirs, 0UL, ours - 1000);
    }

    [Fact]
    public void Pages_of_a_file_and_the_last_partial_one_that_page_types_omits()
    {
        Requires.Root();
        using TemporaryFolder folder = new();
        string file = folder.File("data", new byte[9 * Page.Size + 5]);
        string[] theirs = [], ours = [];
        for (int attempt = 0; attempt < Tries && (theirs.Length == 0 || !theirs.SequenceEqual(ours.Take(theirs.Length))); attempt++)
        {
            string output = Shell.Run(Requires.PageTypes(), "-f", file, "-L", "-N");
            theirs = [.. output.Split('\n').Select(line => line.Split('\t', StringSplitOptions.RemoveEmptyEntries))
                .Where(cells => cells.Length == 3 && cells[0] != "foffset")
                .Select(cells => $"{cells[0]} {cells[1]} {Symbol(cells[2])}")];
            using FilePageWalk walk = new(withFlags: true);
            ours = [.. walk.Pages(file).Select(page => $"{page.PageIndex:x} {page.Pfn:x} {Symbol(page.Symbol!)}")];
        }

        Assert.Equal(10, ours.Length);
        Assert.Equal(theirs, ours.Take(theirs.Length));
        // Some versions count the last, partial page, others do not.
        Assert.InRange(theirs.Length, 9, 10);
    }

    [Fact]
    public void A_bit_without_a_name_that_makes_page_types_fail()
    {
        Requires.Root();
        using SimulatedProcess simulated = new();
        simulated.WriteFrames("kpageflags", 0, 1UL << 5, 1UL << 5 | 1UL << 30);
        simulated.WriteFrames("kpagecount", 0, 1, 1);
        string table = Path.Combine(simulated.Files.Proc, "kpageflags");
        (int exitCode, _, string errors) = Shell.Try(Requires.PageTypes(), ["-F", table, "-a", "0,2", "-L", "-N"]);
        Assert.NotEqual(0, exitCode);
        Assert.Contains("unknown flag bit 30", errors, StringComparison.Ordinal);

        using FrameTables tables = new(files: simulated.Files);
        Assert.Equal(["lru", "bit30"], tables.Read([1], raw: false)[0]!.Flags);
    }

    private static TargetProcess Start()
    {
        Requires.Root();
        Requires.PageTypes();
        return TargetProcess.Start();
    }

    /// <summary>A process with anonymous, file, shared, huge and merged pages.</summary>
    private static TargetProcess Mixed(out TemporaryFolder folder)
    {
        TargetProcess target = Start();
        folder = new TemporaryFolder();
        target.Ask("seed");
        string file = folder.File("data", new byte[40 * Page.Size]);
        target.Ask($"touch {Map($"file 0 {20 * Page.Size} rw- private {file}")} 10");
        target.Ask($"touch {Map($"file 0 {40 * Page.Size} rw- shared {file}")} 30");
        target.Ask($"touch {Map($"map {16 * Page.Size} rw- shared")} 9");
        ulong huge = Map("map 8388608 rw- private");
        target.Ask($"advise {huge} 8388608 {AdviseHuge}");
        target.Ask($"touch {huge} 2048");
        ulong equal = Map($"map {32 * Page.Size} rw- private");
        target.Ask($"touch {equal} 32");
        target.Ask($"advise {equal} {32 * Page.Size} {AdviseMergeable}");
        return target;

        ulong Map(string command) => target.Ask(command).Address("address");
    }

    private static string[] AgreeOnPages(TargetProcess target) => Agree(target,
        ["-L", "-N", "-M", "-C", .. InArena],
        output => [.. Rows(output).Select(row => string.Join(
            ' ', row[0], row[1].TrimStart('@'), row[2], row[3], Symbol(row[4])))],
        (process, tables) => [.. new PageMapWalk(process)
        {
            Frames = tables,
            Filter = new PageFilter { IsPresent = true },
        }.Range(Arena, ArenaEnd - Arena).Select(page => string.Join(' ', $"{page.Address / Page.Size:x}",
            $"{page.CgroupInode}", $"{page.MapCount}", $"{page.Pfn:x}", Symbol(page.Symbol!)))]);

    private static string[] Agree(
        TargetProcess target, string[] options, Func<string, string[]> theirs,
        Func<LinuxProcess, FrameTables, string[]> ours)
    {
        string[] expected = [];
        string[] found = [];
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            using FrameTables tables = new();
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            expected = theirs(Shell.Run(Requires.PageTypes(), ["-p", $"{target.ProcessId}", .. options]));
            found = ours(process, tables);
            if (expected.Length > 0 && expected.SequenceEqual(found))
            {
                break;
            }
        }

        Assert.NotEmpty(expected);
        Assert.Equal(expected, found);
        return found;
    }

    /// <summary>Returns the rows of a listing, without its header.</summary>
    private static IEnumerable<string[]> Rows(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Skip(1).Select(line => line.Split('\t', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Returns sets of flags with their number of pages, in order of the flags.</summary>
    private static string[] Summary(string output) => Summed(
        from line in output.Split('\n')
        where line.StartsWith("0x", StringComparison.Ordinal)
        let cells = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
        let flags = Convert.ToUInt64(cells[0], 16)
        // Only anonymous pages are affected.
        select (IsKsmWrong ? flags & ~KsmFlag.Bit : flags, ulong.Parse(cells[1], CultureInfo.InvariantCulture)));

    private static string[] Counted(FlagTallyBuilder count) =>
        Summed(count.Counts.Summaries.Select(summary => (summary.FlagSet, summary.PageCount)));

    private static string[] Summed(IEnumerable<(ulong FlagSet, ulong Pages)> counts) =>
        [.. from count in counts
            group count.Pages by count.FlagSet into pages
            orderby pages.Key
            select $"0x{pages.Key:x} {pages.Aggregate(0UL, (sum, one) => sum + one)}"];

    /// <summary>Returns the letters before the flags that differ between versions of page-types, without a wrong one.</summary>
    private static string Symbol(string symbol) =>
        IsKsmWrong ? $"{symbol[..KsmLetter]}_{symbol[(KsmLetter + 1)..CommonLetters]}" : symbol[..CommonLetters];

    private static void SkipWhereKsmIsWrong() =>
        Assert.SkipWhen(IsKsmWrong, "needs a kernel that does not report every anonymous page as ksm");
}

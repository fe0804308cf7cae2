using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests the search: included and skipped memory, boundaries, and errors.</summary>
public sealed class MemorySearchTests
{
    private static readonly byte[] Needle = "needle in the hay"u8.ToArray();

    [Fact]
    public void A_search_faults_nothing_in_and_reports_what_it_skipped()
    {
        using TargetProcess target = TargetProcess.Start();
        const ulong Reserved = 1UL << 36;
        TargetReply reserved = target.Ask($"reserve {Reserved} 3");
        ulong address = reserved.Address("address"), stride = reserved.Number("stride");
        ulong closed = target.Ask($"map {4 * Page.Size} --- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Write(process, address + 2 * stride + 100, Needle);
        ulong before = Present(process, address, Reserved);

        MemorySearch search = new(process, BytePattern.Exact(Needle));
        Assert.Contains(address + 2 * stride + 100, search.Find().Select(match => match.Address).ToArray());
        Assert.Equal((3UL, 3UL), (before, Present(process, address, Reserved)));
        Assert.True(search.Skips.NotResidentBytes >= Reserved - 3 * Page.Size);
        Assert.True(search.Skips.ClosedBytes >= 4 * Page.Size);
        Assert.Equal(0UL, search.Skips.FailedBytes);
        Assert.Contains("not in memory", search.Skips.ToString(), StringComparison.Ordinal);
        Assert.NotEqual(0UL, closed);
    }

    [Fact]
    public void The_resident_set_is_unchanged_by_a_search()
    {
        // A sleeping program does not change its resident set.
        using System.Diagnostics.Process sleep = System.Diagnostics.Process.Start(Requires.Tool("sleep"), "60");
        try
        {
            Assert.SkipUnless(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{sleep.Id}/wchan")
                .Contains("nanosleep", StringComparison.Ordinal), 10_000), "needs wchan, to see that sleep sleeps");
            using LinuxProcess process = LinuxProcess.Open(sleep.Id);
            ulong before = Rss(process);
            MemorySearch search = new(process, BytePattern.Text("sleep", Encoding.UTF8));
            Assert.NotEmpty(search.Find().ToArray());
            new MemoryScanner(process).Start(MemoryValueType.Int32, null);
            Assert.Equal(before, Rss(process));
            Assert.NotEqual(0UL, search.Skips.NotResidentBytes);

            // A search of nonresident memory grows the resident set, which shows that the check works.
            Assert.NotEmpty(new MemorySearch(process, BytePattern.Text("sleep", Encoding.UTF8))
            {
                Range = new SearchRange { IncludeNotResident = true },
            }.Find().ToArray());
            Assert.NotEqual(before, Rss(process));
        }
        finally
        {
            sleep.Kill();
            sleep.WaitForExit();
        }
    }

    [Fact]
    public void Pages_not_in_memory_are_searched_on_request()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        byte[] zeros = new byte[64];
        SearchRange range = SearchRange.All.From(address, 4 * Page.Size);
        Assert.Empty(new MemorySearch(process, BytePattern.Exact(zeros, 64)) { Range = range }.Find());
        SearchRange whole = new SearchRange { IncludeNotResident = true }.From(address, 4 * Page.Size);
        Assert.Equal(4 * (int)Page.Size / 64,
            new MemorySearch(process, BytePattern.Exact(zeros, 64)) { Range = whole }.Find().Count());
    }

    [Fact]
    public void A_match_does_not_cross_a_hole_or_an_unreadable_page()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {5 * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Write(process, address, Enumerable.Repeat((byte)7, 5 * (int)Page.Size).ToArray());
        target.Ask($"unmap {address + Page.Size} {Page.Size}");
        target.Ask($"protect {address + 3 * Page.Size} {Page.Size} ---");
        MemorySearch search = new(process, BytePattern.Parse("07 07 07 07"))
        {
            Range = SearchRange.All.From(address, 5 * Page.Size),
            ChunkBytes = 2 * (int)Page.Size,
        };
        Assert.Equal(3 * ((int)Page.Size - 3), search.Find().Count());
        Assert.Equal(Page.Size, search.Skips.ClosedBytes);

        // /proc/PID/mem also reads the page without access, which joins it with its neighbours to one range.
        MemorySearch open = new(process, BytePattern.Parse("07 07 07 07"))
        {
            Range = new SearchRange { Method = ReadMethod.Mem }.From(address, 5 * Page.Size),
        };
        Assert.Equal((int)Page.Size - 3 + 3 * (int)Page.Size - 3, open.Find().Count());
    }

    [Fact]
    public void Filters_exclude_mappings()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Write(process, address + Page.Size - 4, Needle);
        target.Ask($"protect {address + Page.Size} {Page.Size} r--");
        int Count(MapFilter filter) => new MemorySearch(process, BytePattern.Exact(Needle))
        {
            Range = new SearchRange { Filter = filter }.From(address, 2 * Page.Size),
        }.Find().Count();
        Assert.Equal(1, Count(new MapFilter()));
        Assert.Equal(1, Count(new MapFilter { Kinds = [ProcMapKind.Anonymous] }));
        Assert.Equal(0, Count(new MapFilter { Kinds = [ProcMapKind.Heap] }));
        Assert.Equal(0, Count(new MapFilter { Path = path => path.Length > 0 }));
        // Half of the match is in the other mapping.
        Assert.Equal(0, Count(new MapFilter { Permissions = ["rw-"] }));
    }

    [Fact]
    public void Context_ends_at_the_end_of_the_memory()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        byte[] bytes = [.. Enumerable.Range(0, 2 * (int)Page.Size).Select(index => (byte)(index % 251))];
        bytes[3] = bytes[(int)Page.Size] = bytes[^2] = 0xfe;
        Write(process, address, bytes);
        MemoryMatchInContext[] matches = [.. new MemorySearch(process, BytePattern.Parse("fe"))
        {
            Range = SearchRange.All.From(address, 2 * Page.Size),
            Context = 10,
            ChunkBytes = (int)Page.Size,
        }.Find().Cast<MemoryMatchInContext>()];
        int middle = (int)Page.Size;
        Assert.Equal([(address, 14), (address + Page.Size - 10, 21), (address + 2 * Page.Size - 12, 12)],
            matches.Select(match => (match.ContextAddress, match.ContextBytes.Length)));
        Assert.Equal(bytes[..14], matches[0].ContextBytes);
        Assert.Equal(bytes[(middle - 10)..(middle + 11)], matches[1].ContextBytes);
        Assert.Equal(bytes[^12..], matches[2].ContextBytes);
        Assert.Equal([3UL, Page.Size, 2 * Page.Size - 2], matches.Select(match => match.OffsetInMapping!.Value));
    }

    [Fact]
    public void A_range_where_everything_matches_is_searched_in_blocks()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 400 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"touch {address} 400");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemorySearch search = new(process, BytePattern.Parse("00"))
        {
            Range = SearchRange.All.From(address, length),
            ChunkBytes = 16 * (int)Page.Size,
            Workers = 2,
        };
        // The search reads only a few blocks beyond the requested matches.
        Assert.Equal(10_000, search.Find().Take(10_000).Count());
        Assert.True(search.SearchedBytes < length);
        Assert.Equal((long)(length - 400), search.Find().LongCount());
    }

    [Fact]
    public void A_process_that_exits_during_the_search_is_an_error()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 8000 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"touch {address} 8000");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemProcException error = Assert.Throws<MemProcException>(() =>
        {
            foreach (MemoryMatch match in new MemorySearch(process, BytePattern.Parse("01", (int)Page.Size))
            {
                Range = SearchRange.All.From(address, length),
            }.Find())
            {
                if (!target.HasExited)
                {
                    target.Kill();
                }
            }
        });
        Assert.Equal(Errno.ESRCH, error.Errno);
        Assert.Throws<MemProcException>(() => new MemorySearch(process, BytePattern.Parse("01")).Find().Count());
    }

    [Fact]
    public async Task A_search_stops_on_cancellation_within_a_slow_expression_too()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 200 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Write(process, address, Enumerable.Repeat((byte)'a', (int)length).ToArray());
        using CancellationTokenSource cancellation = new();
        // Nested repeats: their time doubles with each letter. Without cancellation another error would occur.
        MemorySearch search = new(process, new RegexPattern("(a+)+b"), cancellation.Token)
        {
            Range = SearchRange.All.From(address, length),
        };
        Task stopped = Task.Run(() => Assert.Throws<OperationCanceledException>(() => search.Find().Count()),
            TestContext.Current.CancellationToken);
        await cancellation.CancelAsync();
        await stopped;
    }

    [Fact]
    public void Text_is_found_in_its_encoding_and_ignoring_case()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Write(process, address + 10, Encoding.Unicode.GetBytes("Käse"));
        Write(process, address + 101, Encoding.UTF8.GetBytes("KÄSE käse k[se"));
        string[] Find(BytePattern pattern) => [.. new MemorySearch(process, pattern)
        {
            Range = SearchRange.All.From(address, Page.Size),
        }.Find().Select(match => (string)match.Value!)];
        Assert.Equal(["Käse"], Find(BytePattern.Text("Käse", Encoding.Unicode)));
        Assert.Equal(["Käse"], Find(BytePattern.Text("KÄSE", Encoding.Unicode, ignoreCase: true)));
        Assert.Equal(["käse"], Find(BytePattern.Text("käse", Encoding.UTF8)));
        Assert.Equal(["KÄSE", "käse"], Find(BytePattern.Text("kÄsE", Encoding.UTF8, ignoreCase: true)));
        Assert.Empty(Find(BytePattern.Text("k{se", Encoding.UTF8, ignoreCase: true)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("4")]
    [InlineData("xx")]
    [InlineData("?? ??")]
    [InlineData("123 45")]
    public void Invalid_patterns_are_rejected(string text) =>
        Assert.Throws<ArgumentException>(() => BytePattern.Parse(text));

    [Theory]
    [InlineData("48 8b ?", 3)]
    [InlineData("488b??05", 4)]
    [InlineData("0x48 0x8B", 2)]
    [InlineData("4? ?b", 2)]
    public void Patterns_have_several_notations(string text, int bytes) =>
        Assert.Equal(bytes, BytePattern.Parse(text).MaxMatchLength);

    [Fact]
    public void Patterns_that_cannot_be_searched_are_rejected()
    {
        Assert.Throws<ArgumentException>(() => BytePattern.Parse("01", alignment: 3));
        Assert.Throws<ArgumentException>(() => BytePattern.Parse("01", alignment: 8192));
        Assert.Throws<ArgumentException>(() => BytePattern.Exact(new byte[SearchPattern.MaxPatternBytes + 1]));
        Assert.Throws<ArgumentException>(() => BytePattern.Text("ж", Encoding.Latin1));
        // Its upper and lower case differ by more than one bit.
        Assert.Throws<ArgumentException>(() => BytePattern.Text("ÿ", Encoding.UTF8, ignoreCase: true));
        Assert.Throws<System.Text.RegularExpressions.RegexParseException>(() => new RegexPattern("("));
        Assert.Throws<ArgumentException>(() => new RegexPattern("a", maxMatchLength: 0));
        Assert.Throws<ArgumentException>(() => ValueCondition.EqualTo(MemoryValueType.Single, 1, double.NaN));
        Assert.Throws<ArgumentException>(() => ValueCondition.Between(MemoryValueType.Int32, 2, 1));
        Assert.Throws<ArgumentException>(() => ValueCondition.GreaterThan(MemoryValueType.Byte, 255));
        Assert.Throws<ArgumentException>(() => ValueCondition.LessThan(MemoryValueType.Double, double.NegativeInfinity));
        Assert.Throws<OverflowException>(() => ValueCondition.EqualTo(MemoryValueType.Byte, 256));
        Assert.Throws<FormatException>(() => ValueCondition.EqualTo(MemoryValueType.Int32, 1.5));
    }

    [Fact]
    public void Tolerance_includes_nearby_values()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        double[] numbers = [0.9, 0.95, 1.0, 1.05, 1.1, double.NaN, double.PositiveInfinity, -1];
        Write(process, address, [.. numbers.SelectMany(BitConverter.GetBytes)]);
        object?[] Find(ValueCondition condition) => [.. new MemorySearch(process, new ValuePattern(condition))
        {
            Range = SearchRange.All.From(address, (ulong)numbers.Length * 8),
        }.Find().Select(match => match.Value)];
        Assert.Equal([0.95, 1.0, 1.05], Find(ValueCondition.EqualTo(MemoryValueType.Double, 1, 0.06)));
        Assert.Equal([double.NaN], Find(ValueCondition.EqualTo(MemoryValueType.Double, double.NaN)));
        Assert.Equal([1.1, double.PositiveInfinity], Find(ValueCondition.GreaterThan(MemoryValueType.Double, 1.05)));
        Assert.Equal([0.9, -1.0], Find(ValueCondition.LessThan(MemoryValueType.Double, 0.95)));
    }

    [Fact]
    public void Nothing_mapped_in_the_range_is_an_error()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemProcException error = Assert.Throws<MemProcException>(() => new MemorySearch(process, BytePattern.Parse("01"))
        {
            Range = SearchRange.All.From(16, 16),
        }.Find().Count());
        Assert.Equal("FindMap,ENOENT", error.ErrorId);
        Assert.Equal("SearchMemory,EINVAL",
            Assert.Throws<MemProcException>(() => SearchRange.All.From(0xffff_8000_0000_0000, null)).ErrorId);
    }

    internal static void Write(LinuxProcess process, ulong address, byte[] bytes) =>
        MemoryTransaction.Prepare(process, [new MemoryWriteRequest(address, bytes)])
            .Commit(stop: false, verify: false);

    private static ulong Present(LinuxProcess process, ulong address, ulong length) =>
        new ResidentMemory(process).Ranges(address, address + length)
            .Aggregate(0UL, (sum, range) => sum + range.SizeBytes) / Page.Size;

    private static ulong Rss(LinuxProcess process) => MemoryStatusReader.ReadDetailed(process).RssBytes!.Value;
}

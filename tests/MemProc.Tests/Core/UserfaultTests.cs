using System.Diagnostics;
using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>
/// Tests memory whose pages a userfaultfd(2) handler supplies: nothing waits for the handler unless it is allowed to, and
/// what waits can be canceled.
/// </summary>
public sealed class UserfaultTests : IDisposable
{
    private const byte Present = 0x50, Supplied = 0x53;

    /// <summary>The longest time that a test waits; what is tested here hung without end before.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly TargetProcess _target = TargetProcess.Start();
    private readonly TemporaryFolder _folder = new();
    private readonly LinuxProcess _process;

    public UserfaultTests() => _process = LinuxProcess.Open(_target.ProcessId);

    /// <inheritdoc/>
    public void Dispose()
    {
        // First the target: what waits for one of its pages ends with it.
        _target.Dispose();
        _process.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(ReadMethod.Auto)]
    [InlineData(ReadMethod.Mem)]
    public async Task A_missing_page_is_a_gap_of_its_own_kind(ReadMethod method)
    {
        ulong address = Missing(pages: 4);
        _target.Ask($"supply {address + Page.Size} {Page.Size} {Present}");
        MemoryBlock block = Assert.Single(await Soon(() => new MemoryReader(_process, method)
            .ReadReadableBlocks(address, 4 * Page.Size).ToArray()));
        Assert.Equal(
            [(address, Page.Size, MemoryGapKind.Userfault), (address + 2 * Page.Size, 2 * Page.Size, MemoryGapKind.Userfault)],
            block.Gaps.Select(gap => (gap.Address, gap.Length, gap.Kind)));
        Assert.Contains("userfaultfd", block.Gaps[0].ToString(), StringComparison.Ordinal);
        Assert.All(block.Bytes[(int)Page.Size..(int)(2 * Page.Size)], value => Assert.Equal(Present, value));
    }

    [Fact]
    public async Task A_large_area_is_one_gap()
    {
        ulong address = Missing(pages: 1UL << 22);
        long start = Stopwatch.GetTimestamp();
        MemoryBlock block = Assert.Single(await Soon(() => new MemoryReader(_process, ReadMethod.Auto)
            .ReadBlocks(address, Page.Size << 22).ToArray()));
        Assert.Equal(MemoryGapKind.Userfault, Assert.Single(block.Gaps).Kind);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Ordinary_memory_next_to_it_is_read_as_before()
    {
        ulong address = _target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        Requires.Userfault(_target, $"miss {address + Page.Size} {Page.Size}");
        MemoryBlock block = Assert.Single(await Soon(() => new MemoryReader(_process, ReadMethod.Auto)
            .ReadBlocks(address, 4 * Page.Size).ToArray()));
        Assert.Equal(new MemoryGap(address + Page.Size, Page.Size, MemoryGapKind.Userfault, Errno.EIO), Assert.Single(block.Gaps));
    }

    [Fact]
    public async Task A_page_of_a_file_in_memory_that_is_there_is_read()
    {
        ulong address = _target.Ask($"memfd {3 * Page.Size} cached").Address("address");
        _target.Ask($"touch {address} 1");
        // Not mapped any more, and still in the file.
        _target.Ask($"advise {address} {3 * Page.Size} 4");
        Requires.Userfault(_target, $"miss {address} {3 * Page.Size}");
        byte[] bytes = new byte[3 * Page.Size];
        IReadOnlyList<MemoryGap> gaps = await Soon(() => new MemoryReader(_process, ReadMethod.Auto).Read(address, bytes));
        Assert.Equal(1, bytes[0]);
        Assert.Equal(new MemoryGap(address + Page.Size, 2 * Page.Size, MemoryGapKind.Userfault, Errno.EIO), Assert.Single(gaps));
    }

    [Fact]
    public async Task A_page_that_waits_to_be_mapped_is_a_gap()
    {
        ulong address = _target.Ask($"memfd {Page.Size} minor").Address("address");
        _target.Ask($"touch {address} 1");
        _target.Ask($"advise {address} {Page.Size} 4");
        Requires.Userfault(_target, $"minor {address} {Page.Size}");
        IReadOnlyList<MemoryGap> gaps = await Soon(() =>
            new MemoryReader(_process, ReadMethod.Auto).Read(address, new byte[Page.Size]));
        Assert.Equal(MemoryGapKind.Userfault, Assert.Single(gaps).Kind);
    }

    [Fact]
    public async Task What_must_be_read_as_a_whole_is_an_error_that_names_the_handler()
    {
        ulong address = Missing(pages: 1);
        MemoryReader reader = new(_process, ReadMethod.Auto);
        MemProcException[] errors = await Soon<MemProcException[]>(() =>
        [
            Assert.Throws<MemProcException>(() => reader.ReadExactly(address, 8)),
            Assert.Throws<MemProcException>(() => reader.ReadText(address, 8, Encoding.UTF8)),
            Assert.Throws<MemProcException>(() => reader.ReadReadableBlocks(address, Page.Size).ToArray()),
            Assert.Throws<MemProcException>(() => MemoryFile.Save(_process, reader, address, Page.Size,
                Path.Combine(_folder.Path, "out"), overwrite: false, needAll: false, _ => { })),
        ]);
        Assert.All(errors, error => Assert.Equal("ReadMemory,EBUSY", error.ErrorId));
        Assert.All(errors, error => Assert.Contains("userfaultfd handler", error.Message, StringComparison.Ordinal));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Pointers_strings_and_expressions_do_not_wait()
    {
        ulong missing = Missing(pages: 1);
        ulong pointer = _target.Ask($"map {Page.Size} rw- private").Address("address");
        MemoryReader reader = new(_process, ReadMethod.Auto);
        MemoryTransaction.Prepare(_process, [new MemoryWriteRequest(pointer, BitConverter.GetBytes(missing))])
            .Commit(stop: false, verify: true);
        MemProcException[] errors = await Soon<MemProcException[]>(() =>
        [
            Assert.Throws<MemProcException>(() => PointerPath.Follow(_process, reader, pointer, 2)),
            Assert.Throws<MemProcException>(() => AddressExpression.Parse($"*(0x{missing:x})").Resolve(_process)),
            Assert.Throws<MemProcException>(() => new TypedReader(_process, reader).Values(missing, MemoryType.Parse("int32"), 1).ToArray()),
            Assert.Throws<MemProcException>(() => new TypedReader(_process, reader).Values(pointer, MemoryType.Parse("char*"), 1).ToArray()),
        ]);
        Assert.All(errors, error => Assert.Contains("userfaultfd handler", error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_watched_value_appears_when_it_is_supplied()
    {
        ulong address = Missing(pages: 2);
        MemoryReader reader = new(_process, ReadMethod.Auto);
        Assert.Equal("ReadMemory,EBUSY", (await Soon(() => Assert.Throws<MemProcException>(() =>
            Watched(reader, address + Page.Size).Poll(default)))).ErrorId);
        _target.Ask($"supply {address} {Page.Size} {Present}");
        WatchedMemory watched = Watched(reader, address);
        Assert.NotNull((await Soon(() => watched.Poll(default)))!.Value);
        _target.Ask($"advise {address} {Page.Size} 4");
        Assert.Equal(MemoryGapKind.Userfault, (await Soon(() => watched.Poll(default)))!.Gap!.Kind);
        _target.Ask($"supply {address} {Page.Size} {Supplied}");
        Assert.Equal(Supplied, ((IReadOnlyList<byte>)(await Soon(() => watched.Poll(default)))!.Value!)[0]);
    }

    [Fact]
    public async Task A_write_to_a_missing_page_is_refused_and_others_are_not_done()
    {
        ulong missing = Missing(pages: 1);
        ulong address = _target.Ask($"map {Page.Size} rw- private").Address("address");
        MemProcException error = await Soon(() => Assert.Throws<MemProcException>(() => MemoryTransaction.Prepare(
            _process, [new MemoryWriteRequest(address, [1]), new MemoryWriteRequest(missing, [1])])));
        Assert.Equal("WriteMemory,EBUSY", error.ErrorId);
        Assert.Contains("userfaultfd handler", error.Message, StringComparison.Ordinal);
        Assert.Equal([0], await Soon(() => new MemoryReader(_process, ReadMethod.Auto).ReadExactly(address, 1)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_write_to_a_protected_page_is_refused_and_others_are_rolled_back(bool stop)
    {
        ulong address = _target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        _target.Ask($"touch {address} 2");
        Requires.Stall(_target, address + Page.Size);
        MemoryTransaction transaction = MemoryTransaction.Prepare(
            _process, [new MemoryWriteRequest(address, [7]), new MemoryWriteRequest(address + Page.Size, [7])]);
        MemProcException error = await Soon(() => Assert.Throws<MemProcException>(() => transaction.Commit(stop, verify: true)));
        Assert.Equal("WriteMemory,EBUSY", error.ErrorId);
        Assert.Contains("userfaultfd handler", error.Message, StringComparison.Ordinal);
        Assert.Contains("put back", error.Message, StringComparison.Ordinal);
        Assert.Equal([1], new MemoryReader(_process, ReadMethod.Auto).ReadExactly(address, 1));
        Assert.Equal([1], new MemoryReader(_process, ReadMethod.Auto).ReadExactly(address + Page.Size, 1));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_write_that_waits_for_its_handler_can_be_canceled(bool hasEarlier)
    {
        ulong address = _target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        _target.Ask($"touch {address} 2");
        Requires.Stall(_target, address + Page.Size);
        using CancellationTokenSource interrupt = new();
        MemoryWriteRequest[] all = [new MemoryWriteRequest(address, [7]), new MemoryWriteRequest(address + Page.Size, [7])];
        MemoryTransaction transaction = MemoryTransaction.Prepare(
            _process, hasEarlier ? all : all[1..], allowUserfault: true, interrupt.Token);
        interrupt.CancelAfter(TimeSpan.FromMilliseconds(300));
        long start = Stopwatch.GetTimestamp();
        MemProcException error = await Soon(() =>
            Assert.Throws<MemProcException>(() => transaction.Commit(stop: false, verify: true)));
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1.5), $"{Stopwatch.GetElapsedTime(start)}");
        Assert.Equal("WriteMemory,ETIMEDOUT", error.ErrorId);
        Assert.Equal([1], new MemoryReader(_process, ReadMethod.Auto).ReadExactly(address, 1));
    }

    [Fact]
    public async Task A_search_and_a_scan_skip_missing_pages()
    {
        ulong address = Missing(pages: 64);
        _target.Ask($"supply {address + 8 * Page.Size} {Page.Size} {Present}");
        SearchRange range = new SearchRange { IncludeNotResident = true }.From(address, 64 * Page.Size);
        MemorySearch search = new(_process, BytePattern.Exact([.. Enumerable.Repeat(Present, 64)], 64)) { Range = range };
        Assert.Equal((int)Page.Size / 64, (await Soon(() => search.Find().ToArray())).Length);
        Assert.Equal(63 * Page.Size, search.Skips.UserfaultBytes);
        Assert.Equal(0UL, search.Skips.FailedBytes);
        MemoryScanner scanner = new(_process) { Range = range };
        MemoryScan scan = await Soon(() => scanner.Start(MemoryValueType.Int64, null));
        Assert.Equal(Page.Size / 8, scan.Count);
        // The page is gone in the next round, and would have to be supplied again.
        _target.Ask($"advise {address + 8 * Page.Size} {Page.Size} 4");
        MemoryScan rest = await Soon(() => scanner.Narrow(scan, ScanTest.Of(MemoryValueType.Int64, ScanComparison.Unchanged)));
        Assert.Equal((0UL, Page.Size / 8), (rest.Count, rest.LostCount));
        Assert.Equal("ReadMemory,EBUSY", (await Soon(() => Assert.Throws<MemProcException>(() => new MatchReader(_process)
            .Read(address, [1], null, null, ScanTest.Of(MemoryValueType.Byte, ScanComparison.Changed))))).ErrorId);
    }

    [Theory]
    [InlineData(MemoryDumpFormat.Core, false)]
    [InlineData(MemoryDumpFormat.Core, true)]
    [InlineData(MemoryDumpFormat.Raw, true)]
    public async Task A_dump_has_a_gap_where_pages_are_missing(MemoryDumpFormat format, bool readAll)
    {
        ulong address = Missing(pages: 4);
        _target.Ask($"supply {address + Page.Size} {Page.Size} {Present}");
        MemoryDump dump = await Soon(() => MemorySaver.Save(_process,
            [AddressExpression.FromNumber(address, 4 * Page.Size)], Path.Combine(_folder.Path, "out"),
            new SaveOptions { Format = format, Stop = true, ReadAll = readAll, AllowUserfault = true }, _ => { }, default));
        Assert.Equal([MemoryGapKind.Userfault, MemoryGapKind.Userfault], dump.Gaps.Select(gap => gap.Kind));
        Assert.Equal(Page.Size, dump.SavedBytes);
        Assert.Equal(0, _target.Exit());
    }

    [Fact]
    public async Task A_handler_in_the_stopped_process_is_not_waited_for()
    {
        ulong address = _target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        Requires.Userfault(_target, $"serve {address} {4 * Page.Size} {Supplied}");
        MemoryReader reader = new(_process, ReadMethod.Auto) { AllowUserfault = true };
        var results = await Soon(() => StoppedRead.Run<MemoryBlock>(_process, 4 * Page.Size,
            [() => [.. reader.ReadBlocks(address, 4 * Page.Size)]], default));
        Assert.Equal(MemoryGapKind.Userfault, Assert.Single(Assert.Single(results).Answers).Gaps.Single().Kind);
        // It runs again, and so does its handler.
        Assert.Equal(Supplied, (await Soon(() => reader.ReadExactly(address, 1)))[0]);
        Assert.Equal(0, _target.Exit());
    }

    [Fact]
    public async Task A_read_waits_for_the_handler_where_that_is_allowed()
    {
        ulong address = _target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        Requires.Userfault(_target, $"serve {address} {4 * Page.Size} {Supplied}");
        using CancellationTokenSource interrupt = new();
        MemoryReader reader = new(_process, ReadMethod.Auto, interrupt.Token) { AllowUserfault = true };
        Assert.All(await Soon(() => reader.ReadExactly(address, 4 * Page.Size)), value => Assert.Equal(Supplied, value));
    }

    [Fact]
    public async Task A_read_that_waits_can_be_canceled()
    {
        ulong address = Missing(pages: 4);
        _target.Ask($"supply {address} {Page.Size} {Present}");
        Action<MemoryReader>[] reads =
        [
            reader => reader.ReadExactly(address, 2 * Page.Size),
            reader => reader.Read(address, stackalloc byte[2 * (int)Page.Size]),
            reader => _ = reader.ReadBlocks(address, 2 * Page.Size).Count(),
            reader => reader.ReadText(address, 2 * Page.Size, Encoding.Latin1),
            reader => PointerPath.Follow(_process, reader, address + Page.Size, 1),
            reader => _ = new TypedReader(_process, reader).Values(address, MemoryType.Parse("int32"), Page.Size).Count(),
            reader => Watched(reader, address + Page.Size).Poll(default),
            reader => MemoryFile.Save(_process, reader, address, 2 * Page.Size, Path.Combine(_folder.Path, "out"),
                overwrite: false, needAll: false, _ => { }),
        ];
        foreach (Action<MemoryReader> read in reads)
        {
            await AssertCanceled(cancellation =>
                read(new MemoryReader(_process, ReadMethod.Auto, cancellation) { AllowUserfault = true }));
        }

        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task Searches_scans_and_dumps_that_wait_can_be_canceled()
    {
        ulong address = Missing(pages: 4);
        _target.Ask($"supply {address} {Page.Size} {Present}");
        SearchRange range = new SearchRange { IncludeNotResident = true, AllowUserfault = true }.From(address, 4 * Page.Size);
        MemoryScan scan = new MemoryScanner(_process) { Range = SearchRange.All.From(address, Page.Size) }.Start(MemoryValueType.Int64, null);
        _target.Ask($"advise {address} {Page.Size} 4");
        Action<CancellationToken>[] works =
        [
            cancellation => _ = new MemorySearch(_process, BytePattern.Exact([1]), cancellation) { Range = range }.Find().Count(),
            cancellation => new MemoryScanner(_process, cancellation) { Range = range }.Start(MemoryValueType.Int64, null),
            cancellation => new MemoryScanner(_process, cancellation) { Range = range }
                .Narrow(scan, ScanTest.Of(MemoryValueType.Int64, ScanComparison.Unchanged)),
            cancellation => new MatchReader(_process, cancellation) { AllowUserfault = true }
                .Read(address, [1], null, null, ScanTest.Of(MemoryValueType.Byte, ScanComparison.Changed)),
            cancellation => MemorySaver.Save(_process, [AddressExpression.FromNumber(address, 4 * Page.Size)],
                Path.Combine(_folder.Path, "out"), new SaveOptions { AllowUserfault = true }, _ => { }, cancellation),
        ];
        foreach (Action<CancellationToken> work in works)
        {
            await AssertCanceled(work);
        }

        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_read_of_a_file_that_does_not_answer_can_be_canceled()
    {
        using StuckFile file = StuckFile.Start(_folder);
        using LinuxProcess process = LinuxProcess.Open(file.ProcessId);
        await AssertCanceled(cancellation =>
            new MemoryReader(process, ReadMethod.Auto, cancellation).ReadExactly(file.Address, 8));
        await AssertCanceled(cancellation => _ = new MemorySearch(process, BytePattern.Exact([1]), cancellation)
        {
            Range = new SearchRange { IncludeNotResident = true }.From(file.Address, Page.Size),
        }.Find().Count());
    }

    [Fact]
    public async Task A_process_that_is_stopped_and_would_have_to_answer_runs_again()
    {
        using StuckFile file = StuckFile.Start(_folder);
        using LinuxProcess process = LinuxProcess.Open(file.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto);
        var results = await Soon(() => StoppedRead.Run<byte[]>(process, 8, [() => [reader.ReadExactly(file.Address, 8)]], default));
        Assert.Equal("ReadMemory,ETIMEDOUT", Assert.Single(results).Failure!.ErrorId);
        Assert.True(await file.AnswersAsync(Limit));
        string output = Path.Combine(_folder.Path, "out");
        MemProcException error = await Soon(() => Assert.Throws<MemProcException>(() => MemorySaver.Save(process,
            [AddressExpression.FromNumber(file.Address, Page.Size)], output, new SaveOptions { Stop = true, ReadAll = true },
            _ => { }, default)));
        Assert.Equal("ReadMemory,ETIMEDOUT", error.ErrorId);
        Assert.False(File.Exists(output));
        Assert.True(await file.AnswersAsync(Limit));
    }

    /// <summary>Asserts that work waits, and that a cancellation ends it.</summary>
    private static async Task AssertCanceled(Action<CancellationToken> work)
    {
        using CancellationTokenSource interrupt = new();
        Task running = Task.Factory.StartNew(() => work(interrupt.Token), TaskCreationOptions.LongRunning);
        await Task.WhenAny(running, Task.Delay(300));
        Assert.False(running.IsCompleted, $"It did not wait: {running.Exception}");
        long start = Stopwatch.GetTimestamp();
        interrupt.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running.WaitAsync(Limit));
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1), $"{Stopwatch.GetElapsedTime(start)}");
    }

    /// <summary>Does work that must not hang.</summary>
    private static Task<T> Soon<T>(Func<T> work) =>
        Task.Factory.StartNew(work, TaskCreationOptions.LongRunning).WaitAsync(Limit);

    private WatchedMemory Watched(MemoryReader reader, ulong address) =>
        new(_process, reader, address, MemoryType.Bytes(8), isBigEndian: false, Encoding.UTF8);

    private ulong Missing(ulong pages)
    {
        ulong address = _target.Ask($"map {pages * Page.Size} rw- private").Address("address");
        Requires.Userfault(_target, $"miss {address} {pages * Page.Size}");
        return address;
    }
}

using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that a core answers as the process did from which it was made, except for what it does not hold.</summary>
public sealed class CoreTargetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TargetProcess _target = TargetProcess.Start();
    private readonly LinuxProcess _process;

    public CoreTargetTests() => _process = LinuxProcess.Open(_target.ProcessId);

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        _target.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_list_of_mappings_of_our_core_is_that_of_the_process()
    {
        _target.Ask($"memfd {Page.Size} garlic");
        string path;
        ProcMap[] maps;
        using (SuspendedProcess.Begin(_process))
        {
            maps = [.. MapReader.Read(_process)];
            path = CoreMaker.Save(_process, _folder);
        }

        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        Assert.Equal(_process.Identity with { CorePath = path }, core.Identity);
        Assert.Equal(maps.Select(Describe), MapReader.Read(core).Select(Describe));
        Assert.All(MapReader.Read(core), map => Assert.Equal(path, map.CorePath));
        ProcMap shared = maps.First(map => map.Path == "/memfd:garlic");
        Assert.Equal((true, true), (shared.IsShared, shared.IsDeleted));
        Assert.Equal(Describe(shared), Describe(MapReader.Find(core, shared.End - 1)!));
        Assert.Null(MapReader.Find(core, 1));
        Assert.Equal(MemoryStatusReader.Read(_process).VmSizeBytes, MemoryStatusReader.Read(core).VmSizeBytes);
    }

    [Theory]
    [InlineData("own")]
    [InlineData("gzip")]
    [InlineData("gcore")]
    public void The_bytes_of_a_core_are_those_of_the_process(string kind)
    {
        TargetReply garlic = _target.Ask("garlic");
        using SuspendedProcess stopped = SuspendedProcess.Begin(_process);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(kind == "gcore"
            ? CoreMaker.Gcore(_target.ProcessId, _folder)
            : CoreMaker.Save(_process, _folder, compress: kind == "gzip"));
        MemoryReader live = new(_process, ReadMethod.Mem), saved = new(core, ReadMethod.Auto);
        ulong compared = 0;
        foreach (AddressRange range in new ResidentMemory(_process).Ranges(0, long.MaxValue))
        {
            foreach (ProcMap map in MapReader.Between(_process, range.Start, range.End).ToArray())
            {
                ulong start = Math.Max(map.Start, range.Start), end = Math.Min(map.End, range.End);
                compared += map.Kind == ProcMapKind.Vvar ? 0 : Compare(live, saved, start, end - start);
            }
        }

        ulong resident = MemoryStatusReader.Read(_process).VmRssBytes!.Value;
        Assert.True(compared > resident / 4, $"Only {compared} of {resident} bytes are in the core.");
        Assert.Equal("garlic", saved.ReadText(garlic.Address("text"), 64, Encoding.UTF8));
        Assert.Equal([garlic.Address("pointer"), garlic.Address("text")],
            PointerPath.Follow(core, saved, garlic.Address("pointer"), 1));
        Assert.Equal(ReadMethod.Core, saved.Method);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Symbols_files_and_stacks_resolve_as_in_the_process(bool isGcore)
    {
        using SuspendedProcess stopped = SuspendedProcess.Begin(_process);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(
            isGcore ? CoreMaker.Gcore(_target.ProcessId, _folder) : CoreMaker.Save(_process, _folder));
        ulong[] addresses = [.. core.Threads.SelectMany(thread => new[] { thread.InstructionPointer!.Value, thread.StackPointer!.Value })];
        Assert.True(addresses.Length > 4);
        using Symbolizer ofProcess = new(_process), ofCore = new(core);
        (string, string?, string?)[] live = [.. ofProcess.Resolve(addresses, error => throw error).Select(Place)];
        Assert.Equal(live, ofCore.Resolve(addresses, error => throw error).Select(Place));
        Assert.Contains(live, place => place.Item2 is not null);
        AddressExpression malloc = AddressExpression.Parse("libc.so.6!malloc");
        Assert.Equal(malloc.Resolve(_process), malloc.Resolve(core));
        Assert.Equal(AddressExpression.Parse("auxv:AT_ENTRY").Resolve(_process), AddressExpression.Parse("auxv:AT_ENTRY").Resolve(core));

        static (string, string?, string?) Place(ResolvedAddress place) =>
            (place.Location.Split("/tmp/perf")[0], place.Symbol, place.Section);
    }

    [Fact]
    public void A_search_finds_the_same_places()
    {
        ulong address = _target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        _target.Ask($"fill {address} {Page.Size} 7");
        using SuspendedProcess stopped = SuspendedProcess.Begin(_process);
        byte[] bytes = new MemoryReader(_process, ReadMethod.Auto).ReadExactly(address + 100, 24);
        ulong[] live = Find(_process);
        Assert.Contains(address + 100, live);
        using MemProc.CoreFile own = MemProc.CoreFile.Open(CoreMaker.Save(_process, _folder));
        using MemProc.CoreFile gcore = MemProc.CoreFile.Open(CoreMaker.Gcore(_target.ProcessId, _folder));
        Assert.Equal(live, Find(own));
        Assert.Equal(live, Find(gcore));

        ulong[] Find(MemoryTarget target) =>
            [.. new MemorySearch(target, BytePattern.Exact(bytes, 1)).Find().Select(match => match.Address)];
    }

    [Fact]
    public void What_was_not_saved_is_a_gap_and_never_zeros()
    {
        ulong address = _target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        _target.Ask($"fill {address} {4 * Page.Size} 9");
        _target.Ask($"advise {address} {4 * Page.Size} 16");
        using MemProc.CoreFile core = MemProc.CoreFile.Open(CoreMaker.Save(_process, _folder));
        MemoryReader reader = new(core, ReadMethod.Auto);
        MemoryBlock block = Assert.Single(reader.ReadBlocks(address, 4 * Page.Size));
        Assert.Equal([new MemoryGap(address, 4 * Page.Size, MemoryGapKind.NotSaved, Errno.None)], block.Gaps);
        Assert.Equal(Errno.ENODATA, Assert.Throws<MemProcException>(() => reader.ReadExactly(address, 8)).Errno);
        Assert.Equal(MemoryGapKind.NotMapped, Assert.Single(reader.ReadBlocks(1 << 20, 4096)).Gaps[0].Kind);
        ulong untouched = MapReader.Read(core).First(map => map.Path == "[heap]").Start;
        Assert.Empty(reader.Read(untouched, new byte[64].AsSpan()));
    }

    [Fact]
    public void Code_that_the_core_leaves_to_a_file_comes_from_it_only_where_the_build_id_matches()
    {
        ProcMap code = MapReader.Read(_process).First(map => map.IsExecutable && map.Path.EndsWith("libc.so.6", StringComparison.Ordinal));
        byte[] expected = new MemoryReader(_process, ReadMethod.Auto).ReadExactly(code.Start, code.SizeBytes);
        string path = CoreMaker.Gcore(_target.ProcessId, _folder);
        using (MemProc.CoreFile core = MemProc.CoreFile.Open(path))
        {
            MemoryBlock block = Assert.Single(new MemoryReader(core, ReadMethod.Auto).ReadBlocks(code.Start, code.SizeBytes));
            Assert.Empty(block.Gaps);
            Assert.Equal(expected, block.Bytes);
            Assert.Equal([code.Path], block.SourceFiles);
            MemoryBlock saved = Assert.Single(new MemoryReader(core, ReadMethod.Auto) { ResidentOnly = true }
                .ReadBlocks(code.Start, code.SizeBytes));
            Assert.All(saved.Gaps, gap => Assert.Equal(MemoryGapKind.NotSaved, gap.Kind));
            Assert.NotEmpty(saved.Gaps);
        }

        // The same core with another build id in its copy of the first page.
        byte[] bytes = File.ReadAllBytes(path);
        using ElfFile image = ElfFile.Open(code.Path);
        byte[] id = Convert.FromHexString(image.BuildId!);
        for (int at; (at = bytes.AsSpan().IndexOf(id)) >= 0;)
        {
            bytes[at] ^= 0xff;
        }

        File.WriteAllBytes(path, bytes);
        using MemProc.CoreFile other = MemProc.CoreFile.Open(path);
        MemoryBlock lacking = Assert.Single(new MemoryReader(other, ReadMethod.Auto).ReadBlocks(code.Start, code.SizeBytes));
        Assert.Empty(lacking.SourceFiles);
        Assert.Equal(MemoryGapKind.NotSaved, lacking.Gaps[^1].Kind);
        Assert.Equal(code.SizeBytes, lacking.Gaps.Aggregate(0UL, (sum, gap) => sum + gap.Length));
    }

    /// <summary>Compares what both have; returns the number of bytes that the core has.</summary>
    private static ulong Compare(MemoryReader live, MemoryReader saved, ulong address, ulong length)
    {
        ulong compared = 0;
        foreach (MemoryBlock block in saved.ReadBlocks(address, length))
        {
            byte[] expected = new byte[block.Length];
            IReadOnlyList<MemoryGap> gaps = live.Read(block.Address, expected.AsSpan());
            compared += block.Length;
            foreach (MemoryGap gap in block.Gaps.Concat(gaps))
            {
                Assert.True(gaps.Contains(gap) || gap.Kind == MemoryGapKind.NotSaved, gap.ToString());
                expected.AsSpan((int)(gap.Address - block.Address), (int)gap.Length).Clear();
                compared -= gap.Length;
            }

            Assert.True(expected.AsSpan().SequenceEqual(block.Bytes.Length == 0 ? new byte[block.Length] : block.Bytes),
                $"0x{block.Address:x} +0x{expected.AsSpan().CommonPrefixLength(block.Bytes):x}");
        }

        return compared;
    }

    private static string Describe(ProcMap map) => $"{map.Index} {map.Start:x} {map.End:x} {map.Permissions} {map.Offset:x} "
        + $"{map.Device} {map.Inode} {map.Kind} {map.RawPath} {map.IsDeleted}";
}

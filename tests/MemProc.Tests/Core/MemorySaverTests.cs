using System.IO.Compression;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests what is saved and what is not, and that no partial file is left.</summary>
public sealed class MemorySaverTests : IDisposable
{
    private const int DontDump = 16;

    private readonly TemporaryFolder _folder = new();
    private readonly TargetProcess _target = TargetProcess.Start();

    private string CorePath => Path.Combine(_folder.Path, "core");

    private string RawPath => Path.Combine(_folder.Path, "raw");

    /// <inheritdoc/>
    public void Dispose()
    {
        _target.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_core_has_the_bytes_zeros_and_gaps()
    {
        ulong address = Filled(8);
        _target.Ask($"unmap {address + 4 * Page.Size} {Page.Size}");
        ulong untouched = _target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        ulong shared = _target.Ask($"memfd {4 * Page.Size} half").Address("address");
        _target.Ask($"touch {shared + Page.Size} 1");
        MemoryDump dump = Save(CorePath, new SaveOptions());
        CoreFile core = new(File.ReadAllBytes(CorePath));
        Assert.Equal(Peek(address, 4), core.Read(address, 4 * Page.Size));
        Assert.Throws<InvalidOperationException>(() => core.At(address + 4 * Page.Size));
        Assert.Equal((0UL, 4 * Page.Size), (core.At(untouched).FileBytes, core.At(untouched).MemoryBytes));
        Assert.Equal(0UL, core.At(shared).FileBytes);
        Assert.Equal(1, core.Read(shared + Page.Size, 1)[0]);
        Assert.Equal([(shared, Page.Size), (shared + 2 * Page.Size, 2 * Page.Size)],
            dump.Gaps.Where(gap => gap.Address >= shared && gap.Address + gap.Length <= shared + 4 * Page.Size)
                .Select(gap => (gap.Address, gap.Length)));
        Assert.Equal([3U, 6U, 0x46494c45U, CoreNoteFormat.HeaderType, CoreNoteFormat.FileType, CoreNoteFormat.FileType,
            CoreNoteFormat.FileType], core.Notes());
        Assert.Equal((false, 0, (ulong)new FileInfo(CorePath).Length), (dump.IsConsistent, dump.ThreadCount, dump.SizeBytes));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(CorePath));
    }

    [Fact]
    public void Entries_cover_each_mapping_with_its_permissions()
    {
        ProcMap[] before, after;
        do
        {
            before = Maps();
            Save(CorePath, new SaveOptions { Overwrite = true });
            after = Maps();
        }
        while (!before.Select(map => $"{map}").SequenceEqual(after.Select(map => $"{map}")));

        CoreFile core = new(File.ReadAllBytes(CorePath));
        Assert.All(after, map =>
        {
            CoreFile.Entry[] parts = [.. core.Entries.Where(
                entry => entry.Type != 4 && entry.Address >= map.Start && entry.Address < map.End)];
            Assert.Equal(map.SizeBytes, parts.Aggregate(0UL, (sum, part) => sum + part.MemoryBytes));
            int flags = (map.IsExecutable ? 1 : 0) | (map.IsWritable ? 2 : 0) | (map.IsReadable ? 4 : 0);
            Assert.All(parts, part => Assert.Equal(flags, part.Flags));
        });
        Assert.Equal(core.Entries.Where(entry => entry.Type != 4).Select(entry => entry.Address).Order(),
            core.Entries.Where(entry => entry.Type != 4).Select(entry => entry.Address));
    }

    [Fact]
    public void A_core_is_as_large_on_disk_as_the_process_is_in_memory()
    {
        Filled(128 * 256);
        MemoryDump dump = Save(CorePath, new SaveOptions { Stop = true });
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        double resident = MemoryStatusReader.Read(process).VmRssBytes!.Value;
        double disk = 512.0 * long.Parse(Shell.Run("stat", "-c", "%b", CorePath));
        Assert.InRange(disk, 0.98 * resident, 1.02 * resident);
        Assert.InRange((double)dump.SavedBytes, 0.98 * resident, 1.02 * resident);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Untouched_pages_are_not_faulted_in(bool all)
    {
        const ulong Length = 64UL << 30;
        TargetReply reserved = _target.Ask($"reserve {Length} 100");
        ulong address = reserved.Address("address");
        MemoryDump dump = Save(CorePath, new SaveOptions { ReadAll = all }, AddressExpression.FromNumber(address));
        Assert.Equal(100 * Page.Size, dump.SavedBytes);
        Assert.InRange(dump.SizeBytes, 100 * Page.Size, 16UL << 20);
        Assert.Empty(dump.Gaps);
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        Assert.Equal(100, new ResidentMemory(process).Ranges(address, address + Length).Count());
        CoreFile core = new(File.ReadAllBytes(CorePath));
        Assert.Equal(1, core.Read(address + reserved.Number("stride"), 1)[0]);
        Assert.Equal(0, core.Read(address + reserved.Number("stride") + 5 * Page.Size, 1)[0]);
    }

    [Fact]
    public void Memory_excluded_from_dumps_is_saved_on_request_only()
    {
        ulong address = Filled(2);
        _target.Ask($"advise {address} {2 * Page.Size} {DontDump}");
        AddressExpression range = AddressExpression.FromNumber(address, 2 * Page.Size);
        MemoryDump without = Save(CorePath, new SaveOptions(), range);
        Assert.Equal(new MemoryGap(address, 2 * Page.Size, MemoryGapKind.LeftOut, Errno.None), Assert.Single(without.Gaps));
        Assert.Equal(0UL, new CoreFile(File.ReadAllBytes(CorePath)).At(address).FileBytes);
        MemoryDump with = Save(CorePath, new SaveOptions { IncludeDontDump = true, Overwrite = true }, range);
        Assert.Empty(with.Gaps);
        Assert.Equal(Peek(address, 2), new CoreFile(File.ReadAllBytes(CorePath)).Read(address, 2 * Page.Size));
    }

    [Fact]
    public void Swapped_pages_are_a_gap_and_not_zeros_for_a_debugger()
    {
        using Swap swap = Swap.On();
        ulong address = Filled(4);
        byte[] expected = Peek(address, 4);
        Swap.PageOut(_target, address + Page.Size);
        AddressExpression range = AddressExpression.FromNumber(address, 4 * Page.Size);
        MemoryDump without = Save(CorePath, new SaveOptions(), range);
        Assert.Equal(new MemoryGap(address + Page.Size, Page.Size, MemoryGapKind.NotResident, Errno.None),
            Assert.Single(without.Gaps));
        Assert.Equal(0, new CoreFile(File.ReadAllBytes(CorePath)).At(address + Page.Size).Type);
        MemoryDump with = Save(CorePath, new SaveOptions { ReadAll = true, Overwrite = true }, range);
        Assert.Empty(with.Gaps);
        Assert.Equal(expected, new CoreFile(File.ReadAllBytes(CorePath)).Read(address, 4 * Page.Size));
    }

    [Fact]
    public void Pages_without_read_permission_are_saved()
    {
        ulong address = Filled(2);
        byte[] expected = Peek(address, 2);
        _target.Ask($"protect {address} {2 * Page.Size} ---");
        Assert.Empty(Save(CorePath, new SaveOptions(), AddressExpression.FromNumber(address)).Gaps);
        Assert.Equal(expected, new CoreFile(File.ReadAllBytes(CorePath)).Read(address, 2 * Page.Size));
    }

    [Fact]
    public void A_program_header_count_above_65534_is_in_section_0()
    {
        const int Pages = 66_000;
        ulong address = _target.Ask($"memfd {Pages * Page.Size} many").Address("address");
        _target.Ask($"touch {address} {Pages / 2} 2");
        Save(CorePath, new SaveOptions(), AddressExpression.FromNumber(address));
        CoreFile core = new(File.ReadAllBytes(CorePath));
        // Two segments have notes.
        Assert.Equal(Pages + 2, core.Entries.Count);
        Assert.Equal(1, core.Read(address + 65_998 * Page.Size, 1)[0]);
        Assert.Contains($"There are {Pages + 2} program headers", Shell.Run(Requires.Tool("readelf"), "-lW", CorePath),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_compressed_core_decompresses_to_the_same_bytes()
    {
        ulong address = Filled(64);
        AddressExpression range = AddressExpression.FromNumber(address);
        MemoryDump dump = Save(CorePath, new SaveOptions { Compress = true }, range);
        Assert.Equal((ulong)new FileInfo(CorePath).Length, dump.SizeBytes);
        using MemoryStream unpacked = new();
        using (GZipStream gzip = new(File.OpenRead(CorePath), CompressionMode.Decompress))
        {
            gzip.CopyTo(unpacked);
        }

        Assert.Equal(Peek(address, 64), new CoreFile(unpacked.ToArray()).Read(address, 64 * Page.Size));
        (int exitCode, _, string errors) = Shell.Try("sh", ["-c", "gzip -t < \"$1\"", "sh", CorePath]);
        Assert.True(exitCode == 0, errors);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_index_of_raw_files_locates_each_byte(bool compress)
    {
        ulong address = Filled(6);
        _target.Ask($"map {Page.Size} rw- private");
        ulong untouched = _target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        _target.Ask($"advise {address + 2 * Page.Size} {Page.Size} 4");
        MemoryDump dump = Save(RawPath, new SaveOptions { Format = MemoryDumpFormat.Raw, Compress = compress },
            AddressExpression.FromNumber(address, 6 * Page.Size), AddressExpression.FromNumber(untouched));
        MemoryIndex index = MemoryIndex.Load(RawPath);
        Assert.Equal((_target.ProcessId, compress, dump.SavedBytes), (index.ProcessId, index.IsCompressed, index.SavedBytes));
        Assert.Equal(5 * Page.Size, dump.SavedBytes);
        Assert.Equal([address, untouched], index.Mappings.Select(mapping => mapping.Start));
        Assert.Null(index.Mappings[1].File);
        Assert.Equal([(address, 2 * Page.Size), (address + 3 * Page.Size, 3 * Page.Size)],
            index.Mappings[0].Saved.Select(range => (range.Address, range.Length)));
        byte[] bytes = Unpacked(Path.Combine(RawPath, index.Mappings[0].File!), compress);
        Assert.All(index.Mappings[0].Saved, range => Assert.Equal(Peek(range.Address, range.Length / Page.Size),
            bytes.AsSpan((int)range.FileOffset, (int)range.Length).ToArray()));
        Assert.Equal(compress ? 5 * (int)Page.Size : 6 * (int)Page.Size, bytes.Length);
        Assert.Equal(["index.json", index.Mappings[0].File], Directory.GetFiles(RawPath).Select(Path.GetFileName).Order(
            StringComparer.Ordinal).Reverse());
    }

    [Fact]
    public void The_saved_vdso_is_an_object_with_symbols()
    {
        ProcMap vdso = Maps().Single(map => map.Kind == ProcMapKind.Vdso);
        Save(RawPath, new SaveOptions { Format = MemoryDumpFormat.Raw }, AddressExpression.FromNumber(vdso.Start));
        string file = Path.Combine(RawPath, MemoryIndex.Load(RawPath).Mappings.Single().File!);
        Assert.Contains("clock_gettime", Shell.Run(Requires.Tool("objdump"), "-T", file), StringComparison.Ordinal);
    }

    [Fact]
    public void Existing_files_are_overwritten_on_request_only()
    {
        AddressExpression range = AddressExpression.FromNumber(Filled(1));
        File.WriteAllText(CorePath, "mine");
        Assert.Equal("WriteFile,EEXIST",
            Assert.Throws<MemProcException>(() => Save(CorePath, new SaveOptions(), range)).ErrorId);
        Assert.Equal("mine", File.ReadAllText(CorePath));
        Save(CorePath, new SaveOptions { Overwrite = true }, range);
        Assert.Equal(0x7f, File.ReadAllBytes(CorePath)[0]);

        SaveOptions raw = new() { Format = MemoryDumpFormat.Raw };
        Directory.CreateDirectory(RawPath);
        Save(RawPath, raw, range);
        Assert.Equal("WriteFile,EEXIST", Assert.Throws<MemProcException>(() => Save(RawPath, raw, range)).ErrorId);
        Save(RawPath, raw with { Overwrite = true }, range);
        File.WriteAllText(Path.Combine(RawPath, "notes"), "mine");
        MemProcException error = Assert.Throws<MemProcException>(() => Save(RawPath, raw with { Overwrite = true }, range));
        Assert.Contains("'notes'", error.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(Path.Combine(RawPath, "notes")));
        Assert.Equal(["core", "raw"], Left());
    }

    [Fact]
    public void Raw_files_are_accessible_to_their_owner_only_and_follow_no_link()
    {
        AddressExpression range = AddressExpression.FromNumber(Filled(1));
        SaveOptions raw = new() { Format = MemoryDumpFormat.Raw, Overwrite = true };
        string other = Path.Combine(_folder.Path, "other");
        Save(other, raw, range);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(other));
        string[] before = Directory.GetFiles(other);
        Assert.All(before, file => Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        Directory.CreateSymbolicLink(RawPath, other);
        Assert.Equal("WriteFile,ENOTDIR", Assert.Throws<MemProcException>(() => Save(RawPath, raw, range)).ErrorId);
        Assert.Equal(before.Order(), Directory.GetFiles(other).Order());
        Assert.Equal(["other", "raw"], Left());
    }

    [Fact]
    public void An_index_that_is_not_a_regular_file_is_not_read()
    {
        AddressExpression range = AddressExpression.FromNumber(Filled(1));
        Directory.CreateDirectory(RawPath);
        Shell.Run("mkfifo", Path.Combine(RawPath, MemoryIndex.FileName));
        Assert.Equal("WriteFile,EEXIST", Assert.Throws<MemProcException>(
            () => Save(RawPath, new SaveOptions { Format = MemoryDumpFormat.Raw, Overwrite = true }, range)).ErrorId);
        Assert.Throws<IOException>(() => MemoryIndex.Load(RawPath));
        Assert.Single(Directory.GetFileSystemEntries(RawPath));
        Assert.Equal(["raw"], Left());
    }

    [Theory]
    [InlineData(MemoryDumpFormat.Core, false)]
    [InlineData(MemoryDumpFormat.Core, true)]
    [InlineData(MemoryDumpFormat.Raw, false)]
    public void A_process_killed_during_the_save_is_an_error_and_leaves_no_file(MemoryDumpFormat format, bool stop)
    {
        Filled(1024);
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        MemProcException error = Assert.Throws<MemProcException>(() => MemorySaver.Save(
            process, null, CorePath, new SaveOptions { Format = format, Stop = stop },
            _ =>
            {
                Shell.Run("kill", "-KILL", $"{_target.ProcessId}");
                Assert.True(SpinWait.SpinUntil(() => process.HasExited, TimeSpan.FromSeconds(30)));
            },
            CancellationToken.None));
        Assert.Equal(Errno.ESRCH, error.Errno);
        Assert.Empty(Left());
    }

    [Fact]
    public void Cancellation_leaves_no_file_and_the_process_continues()
    {
        Filled(1024);
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        using CancellationTokenSource source = new();
        Assert.ThrowsAny<OperationCanceledException>(() => MemorySaver.Save(
            process, null, CorePath, new SaveOptions { Stop = true }, _ => source.Cancel(), source.Token));
        Assert.Empty(Left());
        Assert.Equal(0, _target.Exit());
    }

    [Fact]
    public void An_invalid_destination_is_rejected_with_a_reason()
    {
        AddressExpression range = AddressExpression.FromNumber(Filled(1));
        string nowhere = Path.Combine(_folder.Path, "none", "core");
        Assert.Equal("WriteFile,ENOENT",
            Assert.Throws<MemProcException>(() => Save(nowhere, new SaveOptions(), range)).ErrorId);
        Assert.Equal("FindMap,ENOENT", Assert.Throws<MemProcException>(
            () => Save(CorePath, new SaveOptions(), AddressExpression.FromNumber(0x10, 16))).ErrorId);
        Assert.Empty(Left());
    }

    private MemoryDump Save(string path, SaveOptions options, params AddressExpression[] ranges)
    {
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        return MemorySaver.Save(
            process, ranges.Length == 0 ? null : ranges, path, options, _ => { }, CancellationToken.None);
    }

    private ulong Filled(int pages)
    {
        ulong address = _target.Ask($"map {(ulong)pages * Page.Size} rw- private").Address("address");
        _target.Ask($"fill {address} {(ulong)pages * Page.Size} 7");
        return address;
    }

    private byte[] Peek(ulong address, ulong pages) =>
        _target.Ask($"peek {address} {pages * Page.Size}").Bytes("bytes");

    private ProcMap[] Maps()
    {
        using LinuxProcess process = LinuxProcess.Open(_target.ProcessId);
        return [.. MapReader.Read(process)];
    }

    private IEnumerable<string?> Left() => Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order();

    private static byte[] Unpacked(string file, bool isCompressed)
    {
        if (!isCompressed)
        {
            return File.ReadAllBytes(file);
        }

        using GZipStream gzip = new(File.OpenRead(file), CompressionMode.Decompress);
        using MemoryStream unpacked = new();
        gzip.CopyTo(unpacked);
        return unpacked.ToArray();
    }
}

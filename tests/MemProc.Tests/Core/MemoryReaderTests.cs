using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests reads by both methods, with holes, unreadable pages and errors.</summary>
public sealed class MemoryReaderTests
{
    private const string First = "ABCDEFGHIJKL1234567890!@#$%^&*()KKKKKKKKKKKKKKKKKKK\0";
    private const string Second = "AAAAAAAAAAAAAAAAAAABBBBBBBBBBBBCCCCCCCCCCC\0";

    [Theory]
    [InlineData(ReadMethod.Auto)]
    [InlineData(ReadMethod.ProcessVm)]
    [InlineData(ReadMethod.Mem)]
    public void Both_strings_are_read(ReadMethod method)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryReader reader = new(process, method);
        MemoryBlock block = Assert.Single(reader.ReadBlocks(address, 8192));
        Assert.StartsWith(First, System.Text.Encoding.ASCII.GetString(block.Bytes), StringComparison.Ordinal);
        Assert.StartsWith(Second, System.Text.Encoding.ASCII.GetString(block.Bytes, 4096, 4096), StringComparison.Ordinal);
        Assert.Empty(block.Gaps);
        Assert.NotEqual(ReadMethod.Auto, block.Method);
        Assert.Equal(reader.Method, block.Method);
    }

    [Theory]
    [InlineData(ReadMethod.ProcessVm)]
    [InlineData(ReadMethod.Mem)]
    public void A_hole_is_a_gap_of_the_exact_size(ReadMethod method)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {8 * Page.Size} rw- private").Address("address");
        target.Ask($"fill {address} {8 * Page.Size} 3");
        byte[] expected = target.Ask($"peek {address} {8 * Page.Size}").Bytes("bytes");
        target.Ask($"unmap {address + 2 * Page.Size} {3 * Page.Size}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryBlock block = Assert.Single(new MemoryReader(process, method).ReadBlocks(address + 5, 8 * Page.Size - 9));
        MemoryGap gap = Assert.Single(block.Gaps);
        Assert.Equal((address + 2 * Page.Size, 3 * Page.Size), (gap.Address, gap.Length));
        Assert.True(gap.Errno is Errno.EFAULT or Errno.EIO);
        Array.Clear(expected, 2 * (int)Page.Size, 3 * (int)Page.Size);
        Assert.Equal(expected[5..^4], block.Bytes);
    }

    [Fact]
    public void A_page_without_access_is_readable_by_one_method_only()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {3 * Page.Size} rw- private").Address("address");
        target.Ask($"fill {address} {3 * Page.Size} 9");
        byte[] expected = target.Ask($"peek {address} {3 * Page.Size}").Bytes("bytes");
        target.Ask($"protect {address + Page.Size} {Page.Size} ---");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryGap gap = Assert.Single(new MemoryReader(process, ReadMethod.ProcessVm).Read(address, new byte[3 * Page.Size]));
        Assert.Equal((address + Page.Size, Page.Size, Errno.EFAULT), (gap.Address, gap.Length, gap.Errno));

        byte[] bytes = new byte[3 * Page.Size];
        Assert.Empty(new MemoryReader(process, ReadMethod.Mem).Read(address, bytes));
        Assert.Equal(expected, bytes);
    }

    [Fact]
    public void A_reservation_of_a_terabyte_without_access_is_one_gap()
    {
        using TargetProcess target = TargetProcess.Start();
        const ulong Length = 1UL << 40;
        ulong address = target.Ask($"map {Length} --- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryBlock block = Assert.Single(new MemoryReader(process, ReadMethod.ProcessVm).ReadBlocks(address, Length));
        Assert.Equal((Length, Length), (block.Length, Assert.Single(block.Gaps).Length));
        Assert.Empty(block.Bytes);
    }

    [Fact]
    public void Blocks_of_a_long_range_are_contiguous()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = MemoryReader.MaxBlockBytes + 3 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"fill {address + MemoryReader.MaxBlockBytes - 64} 128 5");
        target.Ask($"unmap {address + Page.Size} {Page.Size}");
        byte[] expected = target.Ask($"peek {address + MemoryReader.MaxBlockBytes - 64} 128").Bytes("bytes");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryBlock[] blocks = [.. new MemoryReader(process, ReadMethod.Auto).ReadBlocks(address, length)];
        Assert.Equal([(address, (ulong)MemoryReader.MaxBlockBytes), (address + MemoryReader.MaxBlockBytes, 3 * Page.Size)],
            blocks.Select(block => (block.Address, block.Length)));
        Assert.Equal(expected, blocks[0].Bytes[^64..].Concat(blocks[1].Bytes[..64]));
        Assert.Single(blocks[0].Gaps);
        Assert.Empty(blocks[1].Gaps);
    }

    [Theory]
    [InlineData(ReadMethod.ProcessVm)]
    [InlineData(ReadMethod.Mem)]
    public void Kernel_mappings_that_cannot_be_read_are_gaps(ReadMethod method)
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMap vvar = MapReader.Read(process).First(map => map.Kind == ProcMapKind.Vvar);
        MemoryGap gap = Assert.Single(new MemoryReader(process, method).Read(vvar.Start, new byte[(int)vvar.SizeBytes]));
        Assert.Equal((vvar.Start, vvar.SizeBytes), (gap.Address, gap.Length));
    }

    [Fact]
    public void A_file_has_every_byte_and_a_hole_for_each_gap()
    {
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        ulong length = 700 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"fill {address} {length} 1");
        byte[] expected = target.Ask($"peek {address} {length}").Bytes("bytes");
        // Gaps within a block, across two blocks of 1 MiB, and at the end.
        foreach ((ulong page, ulong count) in new[] { (3UL, 2UL), (250UL, 20UL), (699UL, 1UL) })
        {
            target.Ask($"unmap {address + page * Page.Size} {count * Page.Size}");
            Array.Clear(expected, (int)(page * Page.Size), (int)(count * Page.Size));
        }

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        string path = Path.Combine(folder.Path, "out");
        List<ulong> reported = [];
        MemoryFile file = MemoryFile.Save(process, new MemoryReader(process, ReadMethod.Auto), address, length, path,
            overwrite: false, needAll: false, reported.Add);
        Assert.Equal(expected, File.ReadAllBytes(path));
        Assert.Equal([(3UL, 2UL), (250UL, 20UL), (699UL, 1UL)],
            file.Gaps.Select(gap => ((gap.Address - address) / Page.Size, gap.Length / Page.Size)));
        Assert.Equal(length, reported[^1]);
        Assert.Equal("WriteFile,EEXIST", Assert.Throws<MemProcException>(() => MemoryFile.Save(process,
            new MemoryReader(process, ReadMethod.Auto), address, 16, path, overwrite: false, needAll: false,
            _ => { })).ErrorId);
        Assert.Equal(expected.Length, new FileInfo(path).Length);
    }

    [Theory]
    [InlineData(false, 0x10UL, 16UL)]
    [InlineData(true, 0UL, 0UL)]
    public void An_incomplete_file_is_not_kept(bool needAll, ulong address, ulong length)
    {
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        if (needAll)
        {
            length = 3 * Page.Size;
            address = target.Ask($"map {length} rw- private").Address("address");
            target.Ask($"unmap {address + Page.Size} {Page.Size}");
        }

        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        string path = folder.File("out", "before"u8);
        MemProcException error = Assert.Throws<MemProcException>(() => MemoryFile.Save(process,
            new MemoryReader(process, ReadMethod.Auto), address, length, path, overwrite: true, needAll, _ => { }));
        Assert.Equal("ReadMemory,EFAULT", error.ErrorId);
        Assert.Equal("before", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_file_is_not_kept_when_the_process_exits_during_the_read()
    {
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        ulong length = 64 * 1024 * 1024;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Throws<MemProcException>(() => MemoryFile.Save(process, new MemoryReader(process, ReadMethod.Auto),
            address, length, Path.Combine(folder.Path, "out"), overwrite: false, needAll: false, done =>
            {
                if (done > length / 2 && !target.HasExited)
                {
                    target.Kill();
                }
            }));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_file_is_not_kept_after_cancellation_or_without_completion()
    {
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        ulong length = 16 * 1024 * 1024;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using CancellationTokenSource interrupt = new();
        string path = Path.Combine(folder.Path, "out");
        Assert.ThrowsAny<OperationCanceledException>(() => MemoryFile.Save(process,
            new MemoryReader(process, ReadMethod.Auto, interrupt.Token), address, length, path, overwrite: false,
            needAll: false, _ => interrupt.Cancel()));
        Assert.Empty(Directory.GetFiles(folder.Path));
        using (MemoryFile.Copy(process, new MemoryReader(process, ReadMethod.Auto), address, length, path,
            overwrite: false, needAll: false, _ => { }))
        {
            Assert.False(File.Exists(path));
        }

        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_file_is_accessible_to_its_owner_only_and_sparse()
    {
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        ulong length = 1024 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        target.Ask($"touch {address + 1000 * Page.Size + 1} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        string path = Path.Combine(folder.Path, "out");
        MemoryFile file = MemoryFile.Save(process, new MemoryReader(process, ReadMethod.Auto), address + 1, length - 1, path,
            overwrite: false, needAll: true, _ => { });
        Assert.Empty(file.Gaps);
        byte[] expected = new byte[length - 1];
        expected[1000 * Page.Size] = 1;
        Assert.Equal(expected, File.ReadAllBytes(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.InRange(512 * ulong.Parse(Shell.Run("stat", "-c", "%b", path)), 0UL, 16 * Page.Size);
    }

    [Fact]
    public void A_range_too_large_for_an_array_is_rejected_and_not_truncated()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto);
        foreach (Action read in new Action[]
        {
            () => reader.ReadExactly(4096, 1UL << 32),
            () => reader.ReadText(4096, 1UL << 32, System.Text.Encoding.UTF8),
        })
        {
            Assert.Equal("ReadMemory,EINVAL", Assert.Throws<MemProcException>(read).ErrorId);
        }
    }

    [Fact]
    public void Blocks_end_at_the_end_of_a_dump_line()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {MemoryReader.MaxBlockBytes + 2 * Page.Size} rw- private").Address("address") + 5;
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryBlock[] blocks =
            [.. new MemoryReader(process, ReadMethod.Auto).ReadBlocks(address, MemoryReader.MaxBlockBytes + Page.Size)];
        Assert.Equal(2, blocks.Length);
        Assert.Equal(0UL, blocks[1].Address % HexDump.BytesPerLine);
        Assert.Equal(blocks[0].Address + blocks[0].Length, blocks[1].Address);
    }

    [Fact]
    public void Reading_stops_on_cancellation()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using CancellationTokenSource cancellation = new();
        MemoryReader reader = new(process, ReadMethod.Auto, cancellation.Token);
        Assert.Empty(reader.Read(address, new byte[8]));
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(() => reader.Read(address, new byte[8]));
    }
}

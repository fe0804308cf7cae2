using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests maps of generated code, which any user can put into <c>/tmp</c>: attacks, limits, damaged text.</summary>
public sealed class PerfMapTests : IDisposable
{
    private const long MaxBytes = 64 * 1024 * 1024;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("/proc/self/pagemap")]
    [InlineData("/proc/version")]
    [InlineData("/dev/zero")]
    [InlineData("fifo")]
    [InlineData("/etc")]
    [InlineData("/proc/self/fd/0")]
    public void A_link_to_anything_but_a_file_is_refused(string leads)
    {
        if (leads == "fifo")
        {
            leads = Path.Combine(_folder.Path, leads);
            Shell.Run(Requires.Tool("mkfifo"), leads);
        }

        CheckRefused(path => File.CreateSymbolicLink(path, leads), "is ignored");
    }

    [Fact]
    public void A_file_that_claims_a_tebibyte_is_refused() => CheckRefused(path =>
    {
        using FileStream file = File.Create(path);
        file.SetLength(1L << 40);
    }, "more than the");

    [Fact]
    public void A_fifo_is_refused() => CheckRefused(path => Shell.Run(Requires.Tool("mkfifo"), path), "not a regular file");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_line_without_an_end_costs_no_memory(bool isSparse)
    {
        const int Length = 128 * 1024 * 1024;
        string path = Path.Combine(_folder.Path, "map");
        using (FileStream file = File.Create(path))
        {
            file.Write("1000 10 before\n2000 10 "u8);
            file.Write(isSparse ? [] : Enumerable.Repeat((byte)'x', Length).ToArray());
            file.SetLength(Length);
            file.Seek(0, SeekOrigin.End);
            file.Write("\n3000 10 after\n"u8);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        PerfMap map = Read(path, out string? fault);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 22);
        Assert.Null(fault);
        Assert.Equal(("before", null, "after"), (map.At(0x1000)?.Name, map.At(0x2000)?.Name, map.At(0x3000)?.Name));
    }

    [Fact]
    public void A_file_that_has_more_than_its_status_says_is_read_up_to_the_limit()
    {
        // As a file of procfs, or one that grows as fast as it is read.
        ulong most = 0;
        PerfMap map = PerfMap.Parse((offset, buffer) =>
        {
            most = Math.Max(most, offset);
            buffer.Clear();
            "1000 10 name\n"u8.CopyTo(buffer);
            return buffer.Length;
        }, default, out string? fault);
        Assert.Contains("more than", fault, StringComparison.Ordinal);
        Assert.InRange(most, PerfMap.MaxFileBytes / 2, PerfMap.MaxFileBytes);
        Assert.Equal("name", map.At(0x1000)?.Name);
    }

    [Fact]
    public void Entries_have_a_limit()
    {
        byte[] line = "1 1 x\n"u8.ToArray();
        PerfMap map = PerfMap.Parse((offset, buffer) =>
        {
            for (int at = 0; at < buffer.Length; at++)
            {
                buffer[at] = line[(offset + (ulong)at) % (ulong)line.Length];
            }

            return buffer.Length;
        }, default, out string? fault);
        Assert.Contains("entries", fault, StringComparison.Ordinal);
        Assert.Equal(1, map.Count);
    }

    [Fact]
    public void A_read_is_stopped()
    {
        using CancellationTokenSource source = new();
        string path = _folder.File("map", new byte[1 << 20]);
        Assert.Null(CheckedFile.TryOpen(path, OpenAccess.ReadChecked, out CheckedFile? file));
        using (file)
        {
            Assert.Throws<OperationCanceledException>(() => PerfMap.Parse((offset, buffer) =>
            {
                source.Cancel();
                Assert.Equal(Errno.None, file!.TryRead(buffer, offset, source.Token, out int read));
                return read;
            }, file!.Status, out _));
        }
    }

    [Fact]
    public void Lines_are_read_as_perf_reads_them()
    {
        PerfMap map = Parse("1000 10 a b\r\n0x2000 0x10 two\n2000 8 later\n3000 0 none\nzz 1 no\n4000 10\n5000 10 last"u8.ToArray());
        Assert.Equal(["a b", null, "later", null, null, null, "last"],
            new ulong[] { 0x100f, 0x1010, 0x2007, 0x2008, 0x3000, 0x4000, 0x5000 }.Select(address => map.At(address)?.Name));
    }

    [Fact]
    public void Damaged_maps_cost_little()
    {
        byte[][] samples = [.. ((string[])[
            "7f0000000000 40 void [app] Kitchen::Cook(int)\n7f0000000100 0x10 other\n",
            "1000 10 a\n1000 20 b\n0x1000 0x30 c\n",
            "ffffffffffffffff ffffffffffffffff end\n0 ffffffffffffffff all\n"]).Select(Encoding.UTF8.GetBytes)];
        int found = 0;
        foreach (byte[] text in Mutation.Of(100_000, samples))
        {
            bool isFound = false;
            FuzzCost.Check(() =>
            {
                PerfMap map = Parse(text);
                isFound = map.At(0x1005) is not null;
                _ = map.At(ulong.MaxValue);
            });
            found += isFound ? 1 : 0;
        }

        Assert.InRange(found, 1, 99_999);
    }

    [Fact]
    public void An_unprivileged_user_is_not_misled_either()
    {
        Requires.Root();
        string memproc = Programs.MakeWorldReadable(Programs.Memproc);
        string[] nobody = [Requires.Tool("setpriv"), .. MemprocTests.AsNobody];
        using TargetProcess target = TargetProcess.Start(nobody);
        string address = $"0x{target.Ask("map 4096 r-x private").Address("address"):x}";
        string path = $"/tmp/perf-{target.ProcessId}.map";
        try
        {
            foreach (string leads in (string[])["/proc/self/pagemap", "/dev/zero", "/proc/self/fd/0"])
            {
                File.CreateSymbolicLink(path, leads);
                (int exitCode, string output, string errors) = Shell.Try(nobody[0],
                    [.. nobody[1..], DotnetHost.Path, memproc, "resolve", $"{target.ProcessId}", address]);
                Assert.True(exitCode == 0, errors);
                Assert.Contains($"{path} is ignored", errors, StringComparison.Ordinal);
                Assert.Contains(address, output, StringComparison.Ordinal);
                File.Delete(path);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Puts something in the place of a target's map, and checks that it is refused, with a warning.</summary>
    private static void CheckRefused(Action<string> create, string reason)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("map 4096 r-x private").Address("address");
        string path = $"/tmp/perf-{target.ProcessId}.map";
        create(path);
        try
        {
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            List<string> warnings = [];
            using Symbolizer resolver = new(process, cancellation: Stop) { Warn = warnings.Add };
            using OpenWatch? watch = File.ResolveLinkTarget(path, returnFinalTarget: false) is null ? new(path) : null;
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Null(resolver.Resolve([address], error => throw error).Single().Symbol);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxBytes);
            // A file may be opened to see its size; a FIFO may not.
            Assert.False(reason == "not a regular file" && watch!.IsOpened);
            Assert.Contains(warnings, text => text.Contains(path, StringComparison.Ordinal)
                && text.Contains(reason, StringComparison.Ordinal));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static PerfMap Read(string path, out string? fault)
    {
        Assert.Null(CheckedFile.TryOpen(path, OpenAccess.ReadChecked, out CheckedFile? file));
        using (file)
        {
            return PerfMap.Parse((offset, buffer) =>
            {
                Assert.Equal(Errno.None, file!.TryRead(buffer, offset, Stop, out int read));
                return read;
            }, file!.Status, out fault);
        }
    }

    private static PerfMap Parse(byte[] text) => PerfMap.Parse((offset, buffer) =>
    {
        ReadOnlySpan<byte> rest = text.AsSpan((int)Math.Min(offset, (ulong)text.Length));
        rest = rest[..Math.Min(rest.Length, buffer.Length)];
        rest.CopyTo(buffer);
        return rest.Length;
    }, default, out _);
}

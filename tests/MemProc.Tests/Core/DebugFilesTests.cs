using System.Buffers.Binary;

namespace MemProc.Tests;

/// <summary>Tests the search for debug files, whose names and content a process chooses.</summary>
public sealed class DebugFilesTests : TargetTests, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Debug => Path.Combine(_folder.Path, "lib.debug");

    /// <inheritdoc/>
    public new void Dispose()
    {
        base.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_debug_file_is_found_by_its_link()
    {
        ulong address = MapStripped() + Hidden();
        using Symbolizer resolver = new(Process, cancellation: Stop);
        ResolvedAddress resolved = resolver.Resolve([address], error => throw error).Single();
        Assert.Equal(("hidden", SymbolOrigin.DebugFile), (resolved.Symbol, resolved.SymbolSource));
        // With a changed byte the checksum is another one.
        byte[] bytes = File.ReadAllBytes(Debug);
        bytes[^1] ^= 1;
        File.WriteAllBytes(Debug, bytes);
        Assert.Null(ResolveAgain(address).Symbol);
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/proc/self/pagemap")]
    [InlineData("fifo")]
    [InlineData("/etc")]
    [InlineData("sparse")]
    public void A_link_to_anything_else_is_refused(string leads)
    {
        ulong address = MapStripped() + Hidden();
        if (leads == "sparse")
        {
            using FileStream file = File.OpenWrite(Debug);
            try
            {
                file.SetLength(15L << 40);
            }
            catch (IOException)
            {
                Assert.Skip("needs a file system with files of 15 TiB");
            }
        }
        else
        {
            File.Delete(Debug);
            if (leads == "fifo")
            {
                leads = Path.Combine(_folder.Path, leads);
                Shell.Run(Requires.Tool("mkfifo"), leads);
            }

            File.CreateSymbolicLink(Debug, leads);
        }

        using OpenWatch? watch = leads == "sparse" ? null : new(leads);
        long before = GC.GetAllocatedBytesForCurrentThread();
        List<string> warnings = [];
        Assert.Null(ResolveAgain(address, warnings.Add).Symbol);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024 * 1024);
        // Others can open what is there for everyone; the FIFO is only for this test.
        Assert.False(Path.GetFileName(leads) == "fifo" && watch!.IsOpened);
        Assert.Equal(leads == "sparse", warnings.Any(text => text.Contains("checksums", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_debug_file_outside_of_the_root_of_the_process_is_not_used()
    {
        Requires.Root();
        MapStripped();
        string root = Path.Combine(_folder.Path, "root");
        Directory.CreateDirectory(root);
        string program = CCompiler.Build(Path.Combine(root, "program"), SmallProgram.Code.Replace(
            "mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)",
            "mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(\"/lib.so\", O_RDONLY), 0)",
            StringComparison.Ordinal).Insert(0, "#include <fcntl.h>\n"), "gcc", "-static", "-x", "c");
        File.Copy(Path.Combine(_folder.Path, "lib.so"), Path.Combine(root, "lib.so"));
        File.CreateSymbolicLink(Path.Combine(root, "lib.debug"), Debug);
        using SmallProgram caged = new(Requires.Tool("chroot"), root, "/program");
        using LinuxProcess process = LinuxProcess.Open(caged.ProcessId);
        using Symbolizer resolver = new(process, cancellation: Stop);
        ulong address = caged.Address + Hidden();
        Assert.Null(resolver.Resolve([address], error => throw error).Single().Symbol);
        // The same file in the root is used.
        File.Delete(Path.Combine(root, "lib.debug"));
        File.Copy(Debug, Path.Combine(root, "lib.debug"));
        using Symbolizer later = new(process, cancellation: Stop);
        Assert.Equal("hidden", later.Resolve([address], error => throw error).Single().Symbol);
    }

    [Fact]
    public void The_checksum_is_that_of_zip()
    {
        Assert.Equal(0xcbf4_3926, DebugFiles.Checksum(new ElfBufferSource("123456789"u8.ToArray(), "known")));
        byte[] bytes = new byte[300_001];
        new Random(3).NextBytes(bytes);
        uint sum = uint.MaxValue;
        foreach (byte value in bytes)
        {
            sum ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                sum = (sum & 1) != 0 ? sum >> 1 ^ 0xedb8_8320 : sum >> 1;
            }
        }

        Assert.Equal(~sum, DebugFiles.Checksum(new ElfBufferSource(bytes, "random")));
    }

    [Fact]
    public void A_checksum_is_stopped()
    {
        string path = _folder.File("big", new byte[1 << 20]);
        using CancellationTokenSource source = new();
        using ElfFileSource file = ElfFileSource.Open(path, source.Token);
        Assert.NotEqual(0U, DebugFiles.Checksum(file));
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => DebugFiles.Checksum(file));
    }

    [Theory]
    [InlineData("../lib.debug")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    public void The_name_in_a_link_is_that_of_a_file_in_a_directory(string name) => Assert.Null(ReadLink(LinkBytes(name)));

    [Fact]
    public void Damaged_links_cost_little()
    {
        byte[][] samples = [LinkBytes("lib.debug"), LinkBytes("a"), LinkBytes(new string('x', 255)), LinkBytes("ü\n")];
        int found = 0;
        foreach (byte[] link in Mutation.Of(100_000, samples))
        {
            (string Name, uint)? read = null;
            FuzzCost.Check(() => read = ReadLink(link));
            if (read is (string name, _))
            {
                found++;
                Assert.True(name.Length is > 0 and < 256 && !name.Contains('/') && name is not ("." or ".."), name);
            }
        }

        Assert.InRange(found, 1, 99_999);
    }

    private ResolvedAddress ResolveAgain(ulong address, Action<string>? warn = null)
    {
        using Symbolizer resolver = new(Process, cancellation: Stop) { Warn = warn };
        return resolver.Resolve([address], error => throw error).Single();
    }

    private static (string Name, uint Checksum)? ReadLink(byte[] link)
    {
        using ElfFile file = ElfFile.Read(new ElfBufferSource(SmallElf.WithSection(".gnu_debuglink", link), "damaged"));
        try
        {
            return DebugFiles.Link(file);
        }
        catch (MemProcException)
        {
            return null;
        }
    }

    private static byte[] LinkBytes(string name)
    {
        byte[] text = System.Text.Encoding.UTF8.GetBytes(name);
        byte[] link = new byte[(text.Length + 4) / 4 * 4 + 4];
        text.CopyTo(link, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(link.AsSpan(link.Length - 4), 0x1234_5678);
        return link;
    }

    /// <summary>Makes the target map a stripped library without a build id, whose debug file is beside it.</summary>
    private ulong MapStripped()
    {
        string library = Path.Combine(_folder.Path, "lib.so");
        CCompiler.Build(library, "int shown(int a) { return a; } __attribute__((visibility(\"hidden\"))) int hidden(int a) "
            + "{ return a + 1; }", "gcc", "-shared", "-nostdlib", "-Wl,--build-id=none", "-x", "c");
        string objcopy = Requires.Tool("objcopy");
        Shell.Run(objcopy, "--only-keep-debug", library, Debug);
        Shell.Run(objcopy, "--strip-all", $"--add-gnu-debuglink={Debug}", library);
        return Target.Ask($"file 0 8192 r-x private {library}").Address("address");
    }

    private ulong Hidden()
    {
        using ElfFile file = ElfFile.Open(Debug);
        return file.Symbols(ElfSymbolSource.Full).Single(symbol => symbol.Name == "hidden").Value;
    }
}

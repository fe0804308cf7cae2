using System.Text;

namespace MemProc.Tests;

/// <summary>Tests cores that other programs have compressed, and cores of 32-bit programs.</summary>
public sealed class CompressedCoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Program32 _program = Program32.Start();
    private readonly LinuxProcess _process;

    public CompressedCoreTests() => _process = LinuxProcess.Open(_program.ProcessId);

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        _program.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("gzip", ".gz")]
    [InlineData("zstd", ".zst")]
    public void A_core_that_another_program_compressed_is_read(string tool, string suffix)
    {
        string plain = CoreMaker.Save(_process, _folder);
        Shell.Run(Requires.Tool(tool), "-q", "-k", plain);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(plain + suffix), same = MemProc.CoreFile.Open(plain);
        Assert.Equal(same.SizeBytes, core.SizeBytes);
        Assert.Equal(File.ReadAllBytes(plain).Length, (int)core.SizeBytes);
        Assert.Equal("garlic", new MemoryReader(core, ReadMethod.Auto).ReadText(Program32.Text, 16, Encoding.UTF8));
        // What precedes the end of a file that was cut off is read.
        byte[] compressed = File.ReadAllBytes(plain + suffix);
        File.WriteAllBytes(plain + suffix, compressed[..(compressed.Length - 20)]);
        using MemProc.CoreFile cut = MemProc.CoreFile.Open(plain + suffix);
        Assert.Equal(MapReader.Read(core).Count(), MapReader.Read(cut).Count());
        Assert.Contains(ProcessCoreReader.Read(cut).Missing, missing => missing.Contains("cut off", StringComparison.Ordinal));
        File.WriteAllBytes(plain + suffix, [.. compressed[..8], .. new byte[64]]);
        Assert.Throws<MemProcException>(() => MemProc.CoreFile.Open(plain + suffix));
    }

    [Theory]
    [InlineData("xz", ".xz")]
    [InlineData("lz4", ".lz4")]
    [InlineData("bzip2", ".bz2")]
    public void A_core_that_is_compressed_in_another_way_is_refused_with_the_program_that_helps(string tool, string suffix)
    {
        string plain = CoreMaker.Save(_process, _folder);
        Shell.Run("sh", "-c", $"{Requires.Tool(tool)} -c {plain} > {plain}{suffix}");
        MemProcException error = Assert.Throws<MemProcException>(() => MemProc.CoreFile.Open(plain + suffix));
        Assert.Equal("ReadCore,ENOEXEC", error.ErrorId);
        Assert.Contains($"decompress it with {tool} -d", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("zstd")]
    public void A_core_of_several_compressed_parts_is_read_to_its_end(string tool)
    {
        string plain = CoreMaker.Save(_process, _folder);
        byte[] whole = File.ReadAllBytes(plain);
        string first = _folder.File("first", whole.AsSpan(0, whole.Length / 2).ToArray()), second = _folder.File("second", whole.AsSpan(whole.Length / 2).ToArray());
        string joined = Path.Combine(_folder.Path, "joined");
        Shell.Run("sh", "-c", $"{Requires.Tool(tool)} -c {first} > {joined} && {tool} -c {second} >> {joined}");
        using MemProc.CoreFile core = MemProc.CoreFile.Open(joined);
        Assert.Equal(((ulong)whole.Length, 0UL, null), (core.SizeBytes, core.TruncatedBytes, core.StorageFault));
    }

    [Fact]
    public void The_core_of_a_32_bit_process_has_32_bits_and_its_registers()
    {
        string path = CoreMaker.Save(_process, _folder);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        Assert.Equal((32, ElfMachine.X86, DataModel.I386), (core.Bits, core.Machine, DataModel.Of(core)));
        CoreThread thread = Assert.Single(core.Threads);
        Assert.Equal(_process.Id, thread.ThreadId);
        Assert.True(MapReader.Find(core, thread.InstructionPointer!.Value)!.IsExecutable);
        Assert.Equal(ProcMapKind.Stack, MapReader.Find(core, thread.StackPointer!.Value)!.Kind);
        Assert.Equal(MapReader.Read(_process).Select(map => (map.Start, map.End, map.Permissions, map.Path)),
            MapReader.Read(core).Select(map => (map.Start, map.End, map.Permissions, map.Path)));
        ProcessCore found = ProcessCoreReader.Read(core);
        Assert.Equal(("program32", _process.Id), (found.ProcessName, found.ProcessId));
        Assert.Contains("program32", found.CommandLine!, StringComparison.Ordinal);
        MemoryReader reader = new(core, ReadMethod.Auto), live = new(_process, ReadMethod.Auto);
        Assert.Equal([Program32.PointerToPointer, Program32.Pointer, Program32.Text],
            PointerPath.Follow(core, reader, Program32.PointerToPointer, 2));
        Assert.Equal(live.ReadExactly(Program32.Text, 128), reader.ReadExactly(Program32.Text, 128));
        string registers = Shell.Run(Requires.Tool("gdb"), "-batch", "-nx", "-ex", "info registers eip esp",
            MapReader.Read(_process).First().Path, path);
        Assert.Contains($"0x{thread.InstructionPointer:x}", registers, StringComparison.Ordinal);
        Assert.Contains($"0x{thread.StackPointer:x}", registers, StringComparison.Ordinal);
        Assert.DoesNotContain("arning", Shell.Run(Requires.Tool("readelf"), "-hlnW", path), StringComparison.Ordinal);
    }
}

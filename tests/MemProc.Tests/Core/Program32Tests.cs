using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that pointers, and C's types that have their size, have 4 bytes in a 32-bit process.</summary>
public sealed class Program32Tests : IDisposable
{
    private readonly Program32 _program = Program32.Start();

    /// <inheritdoc/>
    public void Dispose() => _program.Dispose();

    [Fact]
    public void The_data_model_is_that_of_the_program()
    {
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        Assert.Equal(DataModel.I386, DataModel.Of(process));
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        Assert.Equal(DataModel.Lp64, DataModel.Of(self));
    }

    [Fact]
    public void Without_auxv_the_mappings_show_the_data_model()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "08048000-08049000 r-xp 00000000 00:00 0\nffe00000-fffff000 rw-p 00000000 00:00 0 [stack]\n");
        using (LinuxProcess process = simulated.Open())
        {
            Assert.Equal(4, DataModel.Of(process).PointerBytes);
        }

        simulated.Write("maps", "08048000-08049000 r-xp 00000000 00:00 0\n7ffe00000000-7ffe00001000 rw-p 00000000 00:00 0 [stack]\n"
            + "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n");
        using LinuxProcess other = simulated.Open();
        Assert.Equal(DataModel.Lp64, DataModel.Of(other));
    }

    [Fact]
    public void New_mappings_of_a_32_bit_program_are_looked_for_below_4_GiB()
    {
        LiveKernel.Require();
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        using KernelMemoryMapReader reader = new();
        Assert.InRange(reader.Read(process).MmapBase ?? 0, 0x1000_0000UL, uint.MaxValue);
    }

    [Fact]
    public void An_x32_program_has_pointers_of_4_bytes_and_the_alignment_of_64_bit_programs()
    {
        using SimulatedProcess simulated = new();
        // AT_SYSINFO_EHDR and AT_PAGESZ, no AT_SYSINFO.
        simulated.WriteBytes("auxv", [33, 0, 0, 0, 0, 0xe0, 0xff, 0xf7, 6, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        using LinuxProcess process = simulated.Open();
        Assert.Equal(DataModel.Ilp32, DataModel.Of(process));
        Assert.Equal(16, MemoryLayout.Parse("int32 a; int64 b").For(DataModel.Ilp32).SizeBytes);
    }

    [Fact]
    public void Pointers_are_followed()
    {
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto);
        Assert.Equal([Program32.PointerToPointer, Program32.Pointer, Program32.Text],
            PointerPath.Follow(process, reader, Program32.PointerToPointer, 2));
        Assert.Equal(Program32.Text, AddressExpression.Parse($"*(*(0x{Program32.PointerToPointer:x}))").Resolve(process));
    }

    [Theory]
    [InlineData("pointer", Program32.Pointer, (ulong)Program32.Text)]
    [InlineData("void*", Program32.Pointer, (ulong)Program32.Text)]
    [InlineData("char*", Program32.Pointer, "garlic")]
    [InlineData("size_t", Program32.Pointer, Program32.Text)]
    [InlineData("unsigned long", Program32.Pointer, Program32.Text)]
    [InlineData("long", Program32.Struct + 16, -5)]
    [InlineData("long long", Program32.Struct + 4, 2L)]
    [InlineData("int64", Program32.Struct + 4, 2L)]
    public void Types_have_the_size_that_they_have_in_the_process(string type, uint address, object expected)
    {
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        TypedReader reader = new(process, new MemoryReader(process, ReadMethod.Auto));
        Assert.Equal(expected, Assert.Single(reader.Values(address, MemoryType.Parse(type), 1)));
    }

    [Fact]
    public void Arrays_of_pointers_are_read()
    {
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        TypedReader reader = new(process, new MemoryReader(process, ReadMethod.Auto));
        Assert.Equal([(ulong)Program32.Text, (ulong)Program32.Pointer],
            (object[])Assert.Single(reader.Values(Program32.Pointer, MemoryType.Parse("pointer[2]"), 1))!);
        Assert.Equal([(ulong)Program32.Text, (ulong)Program32.Pointer],
            reader.Values(Program32.Pointer, MemoryType.Parse("pointer"), 2));
    }

    [Fact]
    public void A_struct_has_the_offsets_of_a_32_bit_compiler()
    {
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        TypedReader reader = new(process, new MemoryReader(process, ReadMethod.Auto));
        MemoryLayout layout = MemoryLayout.Parse("int a; long long b; char* c; long d; double e");
        MemoryRecord record = Assert.Single(reader.Records(Program32.Struct, layout, 1));
        Assert.Equal([1, 2L, "garlic", -5, 0.5], record.GetFields().Select(field => field.Value));
        Assert.Equal([0, 4, 12, 16, 20], record.GetFields().Select(field => field.Field.Offset));
        Assert.Equal(28, layout.For(DataModel.I386).SizeBytes);
        Assert.Equal(40, layout.SizeBytes);
        Assert.Equal("int32 a@0; int64 b@8; char* c@16; pointer d@24",
            MemoryLayout.Parse("int a; long long b; char* c; pointer d").ToString());
    }

    [Theory]
    [InlineData("read {pid} {pointer} --type pointer --json", "\"value\":\"0x8050000\"")]
    [InlineData("read {pid} {pointer} 8 --type pointer --json", "\"address\":\"0x8050014\"")]
    [InlineData("read {pid} {pointer} --type char*", "garlic")]
    [InlineData("read {pid} {chain} 6 --text --dereference 2", "garlic")]
    [InlineData("read {pid} {struct} --layout 'int a; long long b; char* c'", "garlic")]
    [InlineData("search {pid} --type pointer --value 0x8050000 --json", "\"address\":\"0x8050010\"")]
    [InlineData("watch {pid} {pointer} --type pointer --until 0x8050000 --interval 1ms --timeout 100ms", "0x8050000")]
    [InlineData("resolve {pid} *({chain})", "0x8050010")]
    public void Memproc_takes_the_size_of_the_process(string command, string expected)
    {
        string[] arguments = [.. command.Replace("{pid}", $"{_program.ProcessId}", StringComparison.Ordinal)
            .Replace("{pointer}", $"0x{Program32.Pointer:x}", StringComparison.Ordinal)
            .Replace("{chain}", $"0x{Program32.PointerToPointer:x}", StringComparison.Ordinal)
            .Replace("{struct}", $"0x{Program32.Struct:x}", StringComparison.Ordinal)
            .Split('\'').SelectMany((part, index) => index % 2 == 1 ? [part] : part.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        (int exitCode, string output, string errors) = MemprocTests.Memproc(arguments);
        Assert.True(exitCode == 0, errors);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pointer_that_is_written_has_4_bytes()
    {
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        UnresolvedWrite write = new(AddressExpression.FromNumber(Program32.Pointer),
            MemoryValue.Encode(0x1234, MemoryValueType.Pointer)) { Type = MemoryValueType.Pointer };
        MemoryTransaction.Prepare(process, UnresolvedWrite.Resolve(process, [write])).Commit(stop: false, verify: true);
        byte[] memory = new MemoryReader(process, ReadMethod.Auto).ReadExactly(Program32.Pointer, 8);
        Assert.Equal([0x34, 0x12, 0, 0, .. BitConverter.GetBytes(Program32.Pointer)], memory);

        MemProcException error = Assert.Throws<MemProcException>(() => UnresolvedWrite.Resolve(process,
            [write with { Bytes = MemoryValue.Encode(0x1_0000_0000, MemoryValueType.Pointer) }]));
        Assert.Equal("WriteMemory,EINVAL", error.ErrorId);
        Assert.Contains("32-bit", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_no_pointer_has_is_an_error_that_says_why()
    {
        (int exitCode, _, string errors) = MemprocTests.Memproc(
            "search", $"{_program.ProcessId}", "--type", "pointer", "--value", "0x7ffd00000000");
        Assert.Equal(1, exitCode);
        Assert.Contains("32-bit process", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_scan_finds_and_narrows_pointers()
    {
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        MemoryValueType type = MemoryValue.For(MemoryValueType.Pointer, DataModel.Of(process));
        MemoryScanner scanner = new(process);
        MemoryScan scan = scanner.Start(type, ValueComparison.From(Program32.Text, null, null, null, null)!.For(type));
        Assert.Contains(Program32.Pointer, scan.Matches(process).Select(match => match.Address));
        Assert.Equal(scan.Count, scanner.Narrow(scan, ScanTest.Of(type, ScanComparison.Unchanged)).Count);
    }

    [Fact]
    public void Everything_else_reads_it_like_a_64_bit_process()
    {
        using LinuxProcess process = LinuxProcess.Open(_program.ProcessId);
        Assert.Contains(new PageMapWalk(process).All(), entry => entry.Address == Program32.Text && entry.IsPresent);
        using MappedImages images = new(process);
        Assert.Equal("program32", images.Main!.Name);
        Assert.Contains(images.Auxiliary, entry => entry.Type == AuxiliaryVector.Entry);
        using ProcessStop stop = ProcessStop.Begin(process);
        Assert.Single(stop.ThreadIds);
    }
}

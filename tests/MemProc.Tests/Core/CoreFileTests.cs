using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests cores of all kinds: of the kernel, for 32 bits, truncated, sparse, and hostile.</summary>
public sealed class CoreFileTests : IDisposable
{
    private const ulong Base = 0x10000;

    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_32_bit_core_has_its_process_signal_thread_and_pointers()
    {
        byte[] page = new byte[4096];
        "garlic"u8.CopyTo(page);
        BitConverter.GetBytes((uint)Base).CopyTo(page, 16);
        page.AsSpan(20, 4).Fill(0xff);
        using MemProc.CoreFile core = Read(new HandmadeCore(is64Bit: false, machine: 3)
            .Process(42, instruction: Base + 8, stack: Base + 0x800, fault: 0x10, fileStart: 0x8000, fileEnd: 0x9000)
            .Load(Base, page).Build());
        Assert.Equal((42, "program", 0UL), (core.Identity.ProcessId, core.Identity.Name, core.Identity.StartTicks));
        Assert.Equal([(42, 11, Base + 8, Base + 0x800)], core.Threads.Select(
            thread => (thread.ThreadId, (int)thread.Signal, thread.InstructionPointer!.Value, thread.StackPointer!.Value)));
        Assert.Equal(DataModel.I386, DataModel.Of(core));
        MemoryReader reader = new(core, ReadMethod.Auto);
        Assert.Equal("garlic", reader.ReadText(PointerPath.Follow(core, reader, Base + 16, 1)[^1], 64, Encoding.UTF8));
        ProcMap[] maps = [.. MapReader.Read(core)];
        Assert.Equal([(0x8000UL, "---p", HandmadeCore.Path), (Base, "rw-p", "[stack]")],
            maps.Select(map => (map.Start, map.Permissions, map.Path)));
        ProcessCore found = ProcessCoreReader.Read(core);
        Assert.Equal(("SIGSEGV", 0x10UL, "program -x", 32), (found.SignalName, found.FaultAddress, found.CommandLine, found.Bits));
        ProcessCoreThread thread = Assert.Single(found.Threads);
        Assert.Equal((Base + 8, "[stack]+0x8", "[stack]+0x800"), (thread.Address, thread.Location, thread.StackLocation));
        Assert.Equal(["AT_PAGESZ 0x1000", "AT_SYSINFO 0x1", $"AT_ENTRY 0x{Base + 8:x}", $"AT_RANDOM 0x{Base + 0x800:x}"],
            found.AuxiliaryVector.Select(entry => entry.ToString()));
        Assert.Null(found.Kernel);
    }

    [Theory]
    [InlineData(true, 22)]
    [InlineData(false, 20)]
    public void A_big_endian_core_has_its_process_signal_and_auxiliary_vector(bool is64Bit, ushort machine)
    {
        using MemProc.CoreFile core = Read(new HandmadeCore(is64Bit, machine, isBigEndian: true)
            .Process(42, instruction: Base + 8, stack: Base + 0x800, fault: 0x10, fileStart: 0x8000, fileEnd: 0x9000)
            .Load(Base, new byte[4096]).Build());
        ProcessCore found = ProcessCoreReader.Read(core);
        Assert.Equal((42, "program", "SIGSEGV", 0x10UL, "program -x"),
            (core.Identity.ProcessId, core.Identity.Name, found.SignalName, found.FaultAddress, found.CommandLine));
        Assert.Equal(["AT_PAGESZ 0x1000", "AT_SYSINFO 0x1", $"AT_ENTRY 0x{Base + 8:x}", $"AT_RANDOM 0x{Base + 0x800:x}"],
            found.AuxiliaryVector.Select(entry => entry.ToString()));
        // The registers of these machines are not known; AT_RANDOM is on the stack.
        Assert.Null(Assert.Single(found.Threads).Address);
        Assert.Equal([(0x8000UL, HandmadeCore.Path), (Base, "[stack]")], MapReader.Read(core).Select(map => (map.Start, map.Path)));
    }

    [Fact]
    public void Bytes_after_those_in_the_file_are_missing_in_foreign_cores_and_zeros_in_ours()
    {
        byte[] page = Enumerable.Repeat((byte)7, 4096).ToArray();
        using MemProc.CoreFile foreign = Read(new HandmadeCore().Load(Base, page, memoryBytes: 3 * 4096).Build());
        MemoryBlock block = Assert.Single(new MemoryReader(foreign, ReadMethod.Auto).ReadBlocks(Base, 3 * 4096));
        Assert.Equal([new MemoryGap(Base + 4096, 2 * 4096, MemoryGapKind.NotSaved, Errno.None)], block.Gaps);
        using MemProc.CoreFile ours = Read(new HandmadeCore().Load(Base, page, memoryBytes: 3 * 4096)
            .OfMemProc($"{Base:x}-{Base + 3 * 4096:x} rw-p 00000000 00:00 0 \n", (Base + 2 * 4096, 4096)).Build());
        block = Assert.Single(new MemoryReader(ours, ReadMethod.Auto).ReadBlocks(Base, 3 * 4096));
        Assert.Equal([new MemoryGap(Base + 2 * 4096, 4096, MemoryGapKind.NotSaved, Errno.None)], block.Gaps);
        Assert.Equal((7, 0), (block.Bytes[4095], block.Bytes[4096]));
        Assert.Equal((77UL, DateTimeOffset.UnixEpoch), (ours.Identity.StartTicks, ours.Time));
    }

    [Fact]
    public void A_core_that_was_cut_off_has_what_precedes_the_end()
    {
        byte[] whole = new HandmadeCore().Process(42, Base, Base, 0, 0x8000, 0x9000)
            .Load(Base, [.. Enumerable.Repeat((byte)7, 8192)]).Build();
        using MemProc.CoreFile core = Read(whole[..^5000]);
        Assert.Equal(5000UL, core.TruncatedBytes);
        MemoryBlock block = Assert.Single(new MemoryReader(core, ReadMethod.Auto).ReadBlocks(Base, 8192));
        Assert.Equal([new MemoryGap(Base + 3192, 5000, MemoryGapKind.NotSaved, Errno.None)], block.Gaps);
        Assert.Contains(ProcessCoreReader.Read(core).Missing, missing => missing.StartsWith("The file was cut off", StringComparison.Ordinal));
        Assert.Throws<MemProcException>(() => Read(whole[..80]));
    }

    [Fact]
    public void A_sparse_core_of_64_GiB_is_searched_where_it_has_blocks()
    {
        const ulong Length = 64UL << 30, At = 40UL << 30;
        byte[] head = new HandmadeCore().Load(Base, new byte[8]).Build();
        string path = Path.Combine(_folder.Path, "sparse");
        BitConverter.GetBytes(Length).CopyTo(head, 64 + 56 + 32);
        BitConverter.GetBytes(Length).CopyTo(head, 64 + 56 + 40);
        ulong offset = BitConverter.ToUInt64(head, 64 + 56 + 8);
        using (FileStream file = File.Create(path))
        {
            file.Write(head);
            file.SetLength((long)(offset + Length));
            file.Position = (long)(offset + At + 100);
            file.Write("garlic"u8);
        }

        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        MemorySearch search = new(core, BytePattern.Text("garlic", Encoding.UTF8, ignoreCase: false, 1));
        Assert.Equal([Base + At + 100], search.Find().Select(match => match.Address));
        Assert.InRange(search.SearchedBytes, 4096UL, 1UL << 20);
        Assert.Equal("garlic", Encoding.ASCII.GetString(new MemoryReader(core, ReadMethod.Auto).ReadExactly(Base + At + 100, 6)));
    }

    [Theory]
    [InlineData("0x33", true)]
    [InlineData("0x10", false)]
    public void A_core_of_the_kernel_names_signal_fault_and_function(string filter, bool hasData)
    {
        string program = CCompiler.Build(Path.Combine(_folder.Path, "crash"), """
            char secret[] = "garlic secret";
            static void parse_line(char *line) { *line = secret[0]; }
            int main(void) { parse_line((char *)0x10); return 0; }
            """, "gcc", "-O0", "-x", "c");
        string path = CoreMaker.KernelOf(program, _folder, filter);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        ProcessCore found = ProcessCoreReader.Read(core);
        Assert.Equal(("crash", "SIGSEGV", 0x10UL, false), (found.ProcessName, found.SignalName, found.FaultAddress, core.IsOfMemProc));
        Assert.StartsWith("crash!parse_line+", Assert.Single(found.Threads).Location, StringComparison.Ordinal);
        Assert.Contains(found.Images, image => image.Path == program && image.IsOnDisk);
        ulong secret = AddressExpression.Parse("crash!secret").Resolve(core);
        MemoryReader reader = new(core, ReadMethod.Auto);
        MemoryBlock block = Assert.Single(reader.ReadBlocks(secret, 6));
        if (hasData)
        {
            Assert.Equal("garlic", Encoding.ASCII.GetString(block.Bytes));
        }
        else
        {
            // The file has the bytes too, but the process may have changed them.
            Assert.Equal(MemoryGapKind.NotSaved, Assert.Single(block.Gaps).Kind);
        }

        // Code is in the file whether or not the core has it.
        Assert.Equal([0x55, 0x48, 0x89, 0xe5], reader.ReadExactly(AddressExpression.Parse("crash!main").Resolve(core), 4));
        // Another program with that path is not used.
        File.Delete(program);
        File.Copy("/bin/true", program);
        using MemProc.CoreFile again = MemProc.CoreFile.Open(path);
        Assert.Contains(ProcessCoreReader.Read(again).Images, image => image.Path == program && !image.IsOnDisk);
        MappedFile file = new MappedImages(again).Named("crash").First();
        Assert.True(file.IsReplaced);
    }

    [Fact]
    public void A_core_of_the_kernel_without_ELF_headers_says_why_it_has_no_symbols()
    {
        string program = CCompiler.Build(Path.Combine(_folder.Path, "crash"),
            "int main(void) { return *(volatile int *)0x10; }", "gcc", "-O0", "-x", "c");
        // Bit 4 is the one of the headers.
        using MemProc.CoreFile core = MemProc.CoreFile.Open(CoreMaker.KernelOf(program, _folder, "0x23"));
        ProcessCore found = ProcessCoreReader.Read(core);
        Assert.Empty(found.Images);
        Assert.Contains(found.Missing, missing => missing.StartsWith("The ELF headers of ", StringComparison.Ordinal));
        Assert.StartsWith("crash+0x", Assert.Single(found.Threads).Location, StringComparison.Ordinal);
        MemProcException error = Assert.Throws<MemProcException>(
            () => AddressExpression.Parse("crash!main").Resolve(core));
        Assert.Contains("the core does not have its ELF header", error.Message, StringComparison.Ordinal);
        // The file is there, but nothing says that it is the one of the process.
        ulong code = MapReader.Read(core).First(map => map.Path == program && map.IsExecutable).Start;
        Assert.Equal(MemoryGapKind.NotSaved, Assert.Single(new MemoryReader(core, ReadMethod.Auto).ReadBlocks(code, 16)).Gaps[0].Kind);
    }

    [Fact]
    public void Damaged_cores_cost_neither_time_nor_memory()
    {
        const int Count = 20_000;
        byte[][] samples = CoreFuzz.Samples();
        Assert.All(samples, sample => Assert.True(CoreFuzz.ReadAll(sample)));
        int sound = 0;
        for (int number = 0; number < Count; number++)
        {
            byte[] damaged = ElfFuzz.Damage(samples[number % samples.Length], new Random(number));
            FuzzCost.Check(() => sound += CoreFuzz.ReadAll(damaged) ? 1 : 0);
        }

        Assert.InRange(sound, 1, long.MaxValue);
    }

    private static MemProc.CoreFile Read(byte[] bytes) =>
        MemProc.CoreFile.Read(new ElfBufferSource(bytes, "handmade"), "/handmade", DateTimeOffset.UnixEpoch);
}

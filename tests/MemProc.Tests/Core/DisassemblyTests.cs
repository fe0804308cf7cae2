using System.Buffers.Binary;

namespace MemProc.Tests;

/// <summary>Tests disassembly of processes, files, and handmade code.</summary>
public sealed class DisassemblyTests(ElfSamples samples) : TargetTests, IClassFixture<ElfSamples>
{
    /// <summary>push %rbp; mov %rsp,%rbp; call to the next instruction; pop %rbp; ret.</summary>
    private static readonly byte[] Function = [0x55, 0x48, 0x89, 0xe5, 0xe8, 0, 0, 0, 0, 0x5d, 0xc3];

    [Theory]
    [InlineData(new byte[] { 0xe8, 1, 0, 0, 0 }, "call 0x1006", InstructionFlow.Call, 0x1006UL)]
    [InlineData(new byte[] { 0xeb, 0xfe }, "jmp 0x1000", InstructionFlow.Jump, 0x1000UL)]
    [InlineData(new byte[] { 0x74, 0x10 }, "je 0x1012", InstructionFlow.ConditionalJump, 0x1012UL)]
    [InlineData(new byte[] { 0xff, 0xe0 }, "jmp *%rax", InstructionFlow.IndirectJump, null)]
    [InlineData(new byte[] { 0xff, 0x15, 2, 0, 0, 0 }, "call *0x2(%rip)", InstructionFlow.IndirectCall, 0x1008UL)]
    [InlineData(new byte[] { 0xc3 }, "ret", InstructionFlow.Return, null)]
    [InlineData(new byte[] { 0x0f, 0x05 }, "syscall", InstructionFlow.SystemCall, null)]
    [InlineData(new byte[] { 0xcd, 0x80 }, "int $0x80", InstructionFlow.SystemCall, null)]
    [InlineData(new byte[] { 0xcc }, "int3", InstructionFlow.Interrupt, null)]
    [InlineData(new byte[] { 0x0f, 0x0b }, "ud2", InstructionFlow.Fault, null)]
    [InlineData(new byte[] { 0x06 }, "(bad)", InstructionFlow.Fault, null)]
    [InlineData(new byte[] { 0xf0, 0x48, 0x0f, 0xb1, 0x11 }, "lock cmpxchg %rdx,(%rcx)", InstructionFlow.Next, null)]
    [InlineData(new byte[] { 0x64, 0x48, 0x8b, 4, 0x25, 0x28, 0, 0, 0 }, "mov %fs:0x28,%rax", InstructionFlow.Next, null)]
    [InlineData(new byte[] { 0x48, 0x8b, 4, 0x25, 0x28, 0, 0, 0 }, "mov 0x28,%rax", InstructionFlow.Next, 0x28UL)]
    [InlineData(new byte[] { 0x66, 0x90 }, "xchg %ax,%ax", InstructionFlow.Next, null)]
    public void An_instruction_has_text_flow_and_target(byte[] code, string text, InstructionFlow flow, ulong? target)
    {
        InstructionFields fields = Assert.Single(Read([new CodePiece(0x1000, code)], 0x1000 + (ulong)code.Length));
        string full = string.Join(' ', new[] { fields.Prefix, fields.Mnemonic, fields.Operands }.Where(part => part.Length > 0));
        Assert.Equal((text, flow, target), (full, fields.FlowControl, fields.Target));
        Assert.Equal(code, fields.Bytes);
    }

    [Fact]
    public void Code_in_pieces_of_any_size_has_the_same_instructions()
    {
        byte[] code = new byte[4000];
        new Random(3).NextBytes(code);
        ulong end = 0x1000 + (ulong)code.Length;
        (ulong, string)[] expected = Shape(Read([new CodePiece(0x1000, code)], end));
        Assert.Equal((ulong)code.Length, Read([new CodePiece(0x1000, code)], end)
            .Aggregate(0UL, (sum, fields) => sum + (ulong)fields.Bytes.Length));
        foreach (int size in (int[])[1, 2, 7, 14, 15, 16, 100, 1024])
        {
            Assert.Equal(expected, Shape(Read(code.Chunk(size)
                .Select((piece, index) => new CodePiece(0x1000 + (ulong)(index * size), piece)), end)));
        }

        static (ulong, string)[] Shape(IEnumerable<InstructionFields> fields) =>
            [.. fields.Select(item => (item.Address, $"{item.Mnemonic} {item.Operands} {item.Bytes.Length}"))];
    }

    [Fact]
    public void An_instruction_that_a_gap_cuts_off_is_bad_byte_by_byte()
    {
        CodePiece[] pieces = [new(0x1000, new byte[] { 0x90, 0xe8, 1 }), new(0x2000, new byte[] { 0xc3 })];
        Assert.Equal([(0x1000UL, "nop"), (0x1001UL, "(bad)"), (0x1002UL, "(bad)"), (0x2000UL, "ret")],
            Read(pieces, 0x2001).Select(fields => (fields.Address, fields.Mnemonic)));
    }

    [Fact]
    public void A_length_contains_the_starts_of_the_instructions()
    {
        ulong address = Map(Function);
        Assert.Equal(["push", "mov", "call"], Disassemble(address, 5).Select(instruction => instruction.Mnemonic));
        ProcInstruction call = Disassemble(address, 5).Last();
        Assert.Equal((5UL, address + 9, Process.Id), (call.Length, call.Target, call.ProcessId));
        Assert.Equal(["push", "mov"], Disassemble(address, null, 2).Select(instruction => instruction.Mnemonic));
        // Nothing says how many.
        Assert.Equal(16, Disassemble(address, null).Count);
    }

    [Fact]
    public void A_function_ends_with_its_symbol()
    {
        ulong address = AddressExpression.Parse("libc.so.6!nanosleep").Resolve(Process);
        using MappedImages images = new(Process);
        ElfSymbol symbol = images.Named("libc.so.6").Single().SymbolsNamed("nanosleep").First();
        List<ProcInstruction> instructions = Disassemble(address, null);
        Assert.Equal(address + symbol.SizeBytes, instructions[^1].Address + instructions[^1].Length);
        Assert.All(instructions, instruction => Assert.Equal("nanosleep", instruction.Symbol));
        Assert.All(instructions, instruction => Assert.Equal(instruction.Address - address, instruction.SymbolOffset));
        Assert.Contains(instructions, instruction => instruction.FlowControl == InstructionFlow.Call
            && instruction.TargetSymbol == "libc.so.6!clock_nanosleep");
    }

    [Fact]
    public void Unreadable_stretches_are_errors_and_what_is_after_them_is_disassembled()
    {
        ulong address = Map(Function, pages: 4);
        Target.Ask($"unmap {address + Page.Size} {Page.Size}");
        Target.Ask($"protect {address + 2 * Page.Size} {Page.Size} ---");
        List<MemProcException> errors = [];
        List<ProcInstruction> found = Disassemble(address, 4 * Page.Size, null, errors);
        Assert.Equal(["ReadMemory,EFAULT", "ReadMemory,EFAULT"], errors.Select(error => error.ErrorId));
        Assert.Equal([address + Page.Size, address + 2 * Page.Size], errors.Select(error => (ulong)error.Target!));
        Assert.Contains(found, instruction => instruction.Address == address + 3 * Page.Size);
        Assert.DoesNotContain(found, instruction => instruction.Address - address - Page.Size < 2 * Page.Size);

        // Without a length the code ends there; what is asked for does not reach it.
        Assert.Equal("ret", Disassemble(Map([.. new byte[(int)Page.Size - Function.Length], .. Function])
            + Page.Size - 1, null, 1).Single().Mnemonic);
        errors.Clear();
        Assert.Empty(Disassemble(address + Page.Size, null, null, errors));
        Assert.Equal("ReadMemory,EFAULT", Assert.Single(errors).ErrorId);
    }

    [Fact]
    public void Resident_pages_alone_are_disassembled_where_that_is_asked_for()
    {
        ulong address = Map(Function, pages: 3);
        List<string> warnings = [];
        MemoryReader reader = new(Process, ReadMethod.Auto) { ResidentOnly = true };
        using ProcessDisassembler disassembler = new(Process, reader, new DisassemblyOptions(), warnings.Add);
        ProcInstruction[] found = [.. disassembler.Disassemble(address, 3 * Page.Size, null, error => throw error)];
        Assert.True(found[^1].Address < address + Page.Size);
        Assert.Contains("not in memory", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.Equal([(address, address + Page.Size)], new ResidentMemory(Process)
            .Ranges(address, address + 3 * Page.Size).Select(range => (range.Start, range.End)));
    }

    [Fact]
    public void A_symbol_is_found_in_the_main_program_or_the_one_file_that_has_it()
    {
        using ProcessDisassembler disassembler = new(Process, new MemoryReader(Process, ReadMethod.Auto), new DisassemblyOptions());
        Assert.Equal(AddressExpression.Parse("libc.so.6!nanosleep").Resolve(Process), disassembler.AddressOf("nanosleep"));
        Assert.Equal(disassembler.AddressOf("nanosleep"), disassembler.AddressOf("libc.so.6!nanosleep"));
        Assert.Equal("ResolveAddress,ENOENT", Id("no such symbol"));
        Assert.Equal("ResolveAddress,ENOENT", Id("libc.so.6!nosuch"));
        Assert.Equal("ResolveAddress,EINVAL", Id("libc.so.6!\"nosuch"));
        // Each library has one.
        Assert.Equal("ResolveAddress,EINVAL", Id("_init"));

        string Id(string symbol) => Assert.Throws<MemProcException>(() => disassembler.AddressOf(symbol)).ErrorId;
    }

    [Fact]
    public void Code_of_another_processor_is_refused_unless_the_bits_are_given()
    {
        byte[] image = File.ReadAllBytes(samples["library"]);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(18), (ushort)ElfMachine.Arm64);
        using ElfFile file = ElfFile.Read(new ElfBufferSource(image, "arm64"));
        MemProcException refusal = Assert.Throws<MemProcException>(
            () => new ElfDisassembler(file, new DisassemblyOptions()).DisassembleSections(null).Count());
        Assert.Equal("Disassemble,EOPNOTSUPP", refusal.ErrorId);
        Assert.Contains("Arm64", refusal.Message, StringComparison.Ordinal);
        Assert.NotEmpty(new ElfDisassembler(file, new DisassemblyOptions(Bits: 64)).DisassembleSections(null));
    }

    [Fact]
    public void Sections_and_symbols_of_a_file_are_selected()
    {
        using ElfFile file = ElfFile.Open(samples["library"]);
        ElfDisassembler disassembler = new(file, new DisassemblyOptions());
        Assert.Equal([".init", ".plt", ".text", ".fini"], disassembler.DisassembleSections(null)
            .Select(instruction => instruction.Section).Distinct().Where(name => name is not ".plt.got" and not ".plt.sec"));
        ElfSymbol symbol = file.Symbols(ElfSymbolSource.Full).Single(symbol => symbol.Name == "guarded");
        ElfInstruction[] guarded = [.. disassembler.DisassembleSymbol("guarded")];
        Assert.Equal((symbol.Value, symbol.Value + symbol.SizeBytes), (guarded[0].Address, guarded[^1].Address + guarded[^1].Length));
        Assert.Contains(guarded, instruction => instruction.TargetSymbol == "inner");
        Assert.Equal(2, disassembler.DisassembleSymbol("guarded", 2).Count());
        Assert.Equal("Disassemble,ENOENT", Assert.Throws<MemProcException>(() => disassembler.DisassembleSymbol("nosuch")).ErrorId);
        Assert.Equal("Disassemble,ENOENT", Assert.Throws<MemProcException>(() => disassembler.DisassembleSymbol("zeros")).ErrorId);
        Assert.Equal("Disassemble,ENOENT",
            Assert.Throws<MemProcException>(() => disassembler.DisassembleSections(name => name == ".bss")).ErrorId);
        Assert.Equal("Disassemble,ENOENT",
            Assert.Throws<MemProcException>(() => disassembler.DisassembleSections(name => name == ".nosuch")).ErrorId);
        using ElfFile stripped = ElfFile.Open(samples["c++"]);
        Assert.NotEmpty(new ElfDisassembler(stripped, new DisassemblyOptions()).DisassembleSymbol("garlic::Clove<int>::peel"));
    }

    [Fact]
    public void A_process_of_32_bits_is_decoded_as_such()
    {
        using Program32 program = Program32.Start();
        using LinuxProcess process = LinuxProcess.Open(program.ProcessId);
        using ProcessDisassembler disassembler = new(process, new MemoryReader(process, ReadMethod.Auto), new DisassemblyOptions());
        ulong entry = AddressExpression.Parse("auxv:AT_ENTRY").Resolve(process);
        Assert.Equal(["movl", "mov", "int", "jmp"],
            disassembler.Disassemble(entry, null, 4, error => throw error).Select(instruction => instruction.Mnemonic));
    }

    [Fact]
    public void A_malformed_file_is_an_error()
    {
        byte[] image = File.ReadAllBytes(samples["ls"]);
        foreach (byte[] damaged in Mutation.Of(300, [image]))
        {
            try
            {
                using ElfFile file = ElfFile.Read(new ElfBufferSource(damaged, "damaged"));
                foreach (ElfInstruction instruction in new ElfDisassembler(file, new DisassemblyOptions()).DisassembleSections(null, 100))
                {
                    Assert.InRange(instruction.Length, 1UL, 15UL);
                }
            }
            catch (MemProcException error)
            {
                Assert.Contains(error.Operation, (Operation[])[Operation.ReadElf, Operation.Disassemble]);
            }
        }
    }

    private static IEnumerable<InstructionFields> Read(IEnumerable<CodePiece> pieces, ulong end) =>
        new InstructionReader(AssemblySyntax.Att, 64, _ => new CodePlace("", null, null, null, null, null)).Read(pieces, end);

    private List<ProcInstruction> Disassemble(
        ulong address, ulong? length, ulong? count = null, List<MemProcException>? errors = null)
    {
        using ProcessDisassembler disassembler = new(Process, new MemoryReader(Process, ReadMethod.Auto), new DisassemblyOptions());
        return [.. disassembler.Disassemble(address, length, count, error => (errors ?? throw error).Add(error))];
    }

    /// <summary>Writes code to new pages of the target.</summary>
    private ulong Map(byte[] code, int pages = 1)
    {
        ulong address = Target.Ask($"map {(ulong)pages * Page.Size} rw- private").Address("address");
        MemoryTransaction.Prepare(Process, [new MemoryWriteRequest(address, code)]).Do();
        return address;
    }
}

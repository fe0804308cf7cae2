using System.Globalization;

namespace MemProc.Tests.Peers;

/// <summary>Compares disassembly with objdump: boundaries and mnemonics.</summary>
public sealed class ObjdumpTests(ElfSamples samples) : IClassFixture<ElfSamples>
{
    private const string Program = """
        int call(int a, int (**p)(int)) { return a < 3 ? p[a](a) : p[0](7) << a; }
        void fill(void *to, int n) { __builtin_memset(to, 0, n); }
        double sum(double *x, int n) { double s = 0; for (int i = 0; i < n; i++) s += x[i]; return s; }
        int many(int n) { switch (n) { case 0: return 9; case 1: return 4; case 2: return 1; case 3: return 8; case 4: return 3; }
            return n / 7; }
        """;

    /// <summary>Prefixes that objdump writes before the mnemonic; those without an effect are not written here.</summary>
    private static readonly HashSet<string> Prefixes =
    [
        "lock", "rep", "repz", "repnz", "data16", "addr32", "data32", "addr16", "cs", "ds", "es", "fs", "gs", "ss", "bnd",
        "notrack", "xacquire", "xrelease",
    ];

    [Theory]
    [InlineData("libc", AssemblySyntax.Att)]
    [InlineData("libc", AssemblySyntax.Intel)]
    [InlineData("host", AssemblySyntax.Att)]
    [InlineData("host", AssemblySyntax.Intel)]
    [InlineData("ld.so", AssemblySyntax.Att)]
    [InlineData("c++", AssemblySyntax.Intel)]
    [InlineData("static-pie", AssemblySyntax.Att)]
    public void The_code_of_a_file_has_the_instructions_of_objdump(string sample, AssemblySyntax syntax)
    {
        string path = sample == "host" ? DotnetHost.Path : samples[sample];
        Compare(path, new DisassemblyOptions(syntax), syntax == AssemblySyntax.Att ? "att" : "intel");
    }

    [Theory]
    [InlineData("-m32", null, "i386")]
    [InlineData("-m16", 16, "i8086")]
    [InlineData("-m32", null, "i386,intel")]
    public void Code_of_32_and_16_bits_has_the_instructions_of_objdump(string option, int? bits, string machine)
    {
        string path = CCompiler.Build(samples.New($"code{option}.o"), Program, "gcc", option, "-O2", "-ffreestanding",
            "-fno-pic", "-fno-stack-protector", "-c", "-x", "c");
        bool isIntel = machine.EndsWith("intel", StringComparison.Ordinal);
        Compare(path, new DisassemblyOptions(isIntel ? AssemblySyntax.Intel : AssemblySyntax.Att, bits), machine);
    }

    [Fact]
    public void Headings_are_the_symbols_of_objdump()
    {
        string path = samples["library"];
        using ElfFile file = ElfFile.Open(path);
        string[] headings = [.. Objdump(path, "att").Where(line => line.EndsWith(">:", StringComparison.Ordinal))];
        ulong[] theirs = [.. headings.Select(line => ulong.Parse(line.Split(' ')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
        MachineInstruction[] ours = [.. new ElfDisassembler(file, new DisassemblyOptions()).DisassembleSections(name => name == ".text")
            .Where(instruction => instruction.SymbolOffset == 0)];
        Assert.Equal(theirs, ours.Select(instruction => instruction.Address));
        string[] names = [.. headings.Select(line => line[(line.IndexOf('<', StringComparison.Ordinal) + 1)..^2])];
        // Of two names of one address, both choose one.
        Assert.Equal(names.Except(["choose", "chosen"]), ours.Select(instruction => instruction.Symbol).Except(["choose", "chosen"]));
        Assert.Contains("guarded", names);
    }

    [Theory]
    [InlineData("ls")]
    [InlineData("libc")]
    [InlineData("library")]
    public void Calls_through_the_procedure_linkage_table_have_the_names_of_objdump(string sample)
    {
        const string Plt = "@plt>";
        using ElfFile file = ElfFile.Open(samples[sample]);
        (ulong, string?)[] theirs = [.. Objdump(samples[sample], "att")
            .Where(line => line.Contains("call ", StringComparison.Ordinal) && line.EndsWith(Plt, StringComparison.Ordinal))
            .Select(line => (AddressOf(line), (string?)line[(line.LastIndexOf('<') + 1)..^1]))];
        // Functions that are chosen at run time have no name: objdump writes the address of the function that chooses.
        theirs = Array.FindAll(theirs, call => !call.Item2!.StartsWith("*ABS*", StringComparison.Ordinal));
        (ulong, string?)[] ours = [.. new ElfDisassembler(file, new DisassemblyOptions()).DisassembleSections(name => name == ".text")
            .Where(instruction => instruction.FlowControl == InstructionFlow.Call
                && instruction.TargetSymbol?.EndsWith("@plt", StringComparison.Ordinal) == true)
            .Select(instruction => (instruction.Address, instruction.TargetSymbol))];
        Assert.NotEmpty(theirs);
        Assert.Equal(theirs, ours);
    }

    [Fact]
    public void Calls_through_the_procedure_linkage_table_have_names_in_a_process()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using ProcessDisassembler disassembler = new(process, new MemoryReader(process, ReadMethod.Auto), new DisassemblyOptions());
        ulong start = AddressExpression.Parse("!.text").Resolve(process);
        Assert.Contains(disassembler.Disassemble(start, null, 2000, error => throw error),
            instruction => instruction.TargetSymbol?.EndsWith("@plt", StringComparison.Ordinal) == true
                && instruction.TargetSymbol.StartsWith($"{instruction.Module}!", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_process_and_its_core_have_the_instructions_of_the_file(bool inCore)
    {
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess live = LinuxProcess.Open(target.ProcessId);
        string path = Path.Combine(folder.Path, "core");
        if (inCore)
        {
            MemorySaver.Save(live, null, path, new SaveOptions(), _ => { }, CancellationToken.None);
        }

        using MemProc.CoreFile? core = inCore ? MemProc.CoreFile.Open(path) : null;
        MemoryTarget process = core is null ? live : core;
        using MappedImages images = new(process);
        MappedFile libc = images.Named("libc.so.6").Single();
        ulong bias = libc.Images.Single().LoadBias!.Value;
        ElfSection text = libc.Elf!.Sections.Single(section => section.Name == ".text");
        using ProcessDisassembler disassembler = new(process, new MemoryReader(process, ReadMethod.Auto), new DisassemblyOptions());
        AssertSame(Parse(Objdump(samples["libc"], "att")), disassembler
            .Disassemble(text.VirtualAddress + bias, text.SizeBytes, null, error => throw error)
            .Select(instruction => (instruction.Address - bias, instruction.Length, instruction.Mnemonic)));
    }

    private static void Compare(string path, DisassemblyOptions options, string machine)
    {
        using ElfFile file = ElfFile.Open(path);
        AssertSame(Parse(Objdump(path, machine)), new ElfDisassembler(file, options)
            .DisassembleSections(name => name == ".text")
            .Select(instruction => (instruction.Address, instruction.Length, instruction.Mnemonic)));
    }

    private static void AssertSame(
        List<(ulong, ulong, string)> theirs, IEnumerable<(ulong, ulong, string)> ours)
    {
        Assert.NotEmpty(theirs);
        (ulong, ulong, string)[] found = [.. ours];
        string[] differing = [.. theirs.Zip(found).Where(pair => pair.First != pair.Second).Take(20)
            .Select(pair => $"objdump {pair.First:x}, here {pair.Second:x}")];
        Assert.True(differing.Length == 0, string.Join('\n', differing));
        Assert.Equal(theirs.Count, found.Length);
    }

    private static string[] Objdump(string path, string machine) => Shell.Run(Requires.Tool("objdump"),
        "-d", "-z", "-w", "-j", ".text", "-M", machine, path).Split('\n');

    private static List<(ulong Address, ulong Length, string Mnemonic)> Parse(string[] lines)
    {
        List<(ulong, ulong, string)> instructions = [];
        foreach (string line in lines)
        {
            if (line.Split('\t') is [{ Length: > 1 } address, { } bytes, { } text] && address[^1] == ':')
            {
                string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                int mnemonic = Array.FindIndex(words, word => !Prefixes.Contains(word)
                    && !word.StartsWith("rex", StringComparison.Ordinal));
                instructions.Add((AddressOf(address),
                    (ulong)bytes.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length, words[mnemonic]));
            }
        }

        return instructions;
    }

    /// <summary>The address that a line begins with.</summary>
    private static ulong AddressOf(string line) =>
        ulong.Parse(line.AsSpan(0, line.IndexOf(':', StringComparison.Ordinal)).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}

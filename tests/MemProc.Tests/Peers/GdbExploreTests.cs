using System.Globalization;
using System.Text.RegularExpressions;

namespace MemProc.Tests.Peers;

/// <summary>Compares registers and instructions with those of gdb, of a live process and of a core.</summary>
public sealed class GdbExploreTests(ExploredProgram program) : IClassFixture<ExploredProgram>
{
    [Fact]
    public void Registers_and_instructions_are_those_of_gdb_live_and_in_a_core()
    {
        string gdb = Requires.Tool("gdb");
        using ExploredProgram.Run run = program.Start();
        string path = Path.Combine(program.Folder, "core.gdb");
        MemorySaver.Save(run.Process, null, path, new SaveOptions { Stop = true }, _ => { }, CancellationToken.None);
        string[] ask = ["-nx", "-batch", "-ex", "info registers", "-ex", "x/20i store"];
        string ofCore = Shell.Run(gdb, [.. ask, program.Path, path]);
        string ofLive = Shell.Run(gdb, [.. ask, "-p", run.Process.Id.ToString(CultureInfo.InvariantCulture)]);

        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        ProcThread saved = new ProcThreadReader(core).Read([run.Process.Id], error => throw error).Single();
        (string Name, ulong Value)[] expected = Registers(ofCore);
        Assert.True(expected.Length > 20);
        Assert.All(expected, register => Assert.Equal(register.Value, saved.Registers![register.Name]));
        ProcThread live = new ProcThreadReader(run.Process) { Stop = true }.Read([run.Process.Id], error => throw error).Single();
        // A stop interrupts the system call, so that the registers that it uses can differ.
        string[] stable = ["rip", "rsp", "rbp", "rbx", "r12", "r13", "r14", "r15", "eflags", "fs_base"];
        Assert.All(Registers(ofLive).Where(register => stable.Contains(register.Name)),
            register => Assert.Equal(register.Value, live.Registers![register.Name]));

        Assert.Equal(Instructions(ofLive), Instructions(run.Process, run.At("!store")));
        Assert.Equal(Instructions(ofCore), Instructions(core, run.At("!store")));
    }

    private static (string Name, ulong Value)[] Registers(string text) =>
        [.. Regex.Matches(text, @"^(r\w+|eflags|[cdefgs]s|[fg]s_base) +0x([0-9a-f]+)\b", RegexOptions.Multiline).Select(match => (
            match.Groups[1].Value, ulong.Parse(match.Groups[2].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture)))];

    private static string[] Instructions(string text) =>
        [.. Regex.Matches(text, @"^ +0x([0-9a-f]+)(?: <[^>]*>)?:\t(\S+)", RegexOptions.Multiline)
            .Select(match => $"{match.Groups[1].Value} {match.Groups[2].Value}")];

    private static string[] Instructions(MemoryTarget process, ulong address)
    {
        using ProcessDisassembler disassembler = new(process, new MemoryReader(process, ReadMethod.Auto), new DisassemblyOptions());
        return [.. disassembler.Disassemble(address, null, 20, error => throw error)
            .Select(instruction => $"{instruction.Address:x} {(instruction.Prefix + " " + instruction.Mnemonic).Trim().Split(' ')[0]}")];
    }
}

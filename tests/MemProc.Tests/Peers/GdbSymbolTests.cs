namespace MemProc.Tests.Peers;

/// <summary>Compares names of addresses with gdb.</summary>
public sealed class GdbSymbolTests
{
    private const int Count = 1000;

    [Fact]
    public void Code_addresses_have_the_names_of_gdb() => Compare(".text", Count);

    /// <summary>Most of .bss is in anonymous memory after the last page of the file.</summary>
    [Fact]
    public void Zeros_have_the_names_of_gdb() => Compare(".bss", 500);

    private static void Compare(string section, int count)
    {
        string gdb = Requires.Tool("gdb");
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        using MappedImages images = new(process);
        MappedFile[] files = [.. images.Files.Where(file => file.Elf is not null
            && (file == images.Main || file.Name is "libc.so.6" or "libcoreclr.so"
                || file.Name.StartsWith("ld-", StringComparison.Ordinal)))];
        Assert.Equal(4, files.Length);
        Random random = new(5);
        ulong[] addresses = [.. files.SelectMany(file => RandomIn(section, file, images, random, count))];
        (string?[] theirs, string output) = Ask(gdb, target.ProcessId, addresses);
        Assert.SkipWhen(output.Contains("ptrace: Operation not permitted", StringComparison.Ordinal), "needs to be allowed to trace");
        Assert.Equal(addresses.Length, theirs.Length);

        using Symbolizer resolver = new(process);
        ResolvedAddress[] ours = [.. resolver.Resolve(addresses, error => throw error)];
        string[] differing = [.. ours.Zip(theirs).Where(pair => NameOf(pair.First) != pair.Second)
            .Select(pair => $"{pair.First.Address:x} {pair.First.Module} {pair.First.Section}: "
                + $"{NameOf(pair.First)} ({pair.First.SymbolSource}), gdb: {pair.Second}")];
        Assert.True(differing.Length == 0,
            $"{differing.Length} of {ours.Length}:\n{string.Join('\n', differing.Take(20))}\n{output[..Math.Min(output.Length, 500)]}");
        Assert.True(theirs.Count(name => name is not null) > count / 2, "hardly an address has a name");
    }

    private static ulong[] RandomIn(string name, MappedFile file, MappedImages images, Random random, int count)
    {
        ElfSection section = file.Elf!.Sections.Single(section => section.Name == name);
        ulong start = AddressExpression.Parse($"{AddressExpression.Quote(file.Path)}!{name}").Resolve(images);
        return [.. Enumerable.Range(0, count).Select(_ => start + (ulong)random.NextInt64((long)section.SizeBytes))];
    }

    private static string? NameOf(ResolvedAddress address) => address.Symbol is null ? null
        : address.SymbolOffset == 0 ? address.Symbol : $"{address.Symbol} + {address.SymbolOffset}";

    /// <summary>Returns names and offsets of gdb, without section and version; null if gdb has no name.</summary>
    private static (string?[] Names, string Output) Ask(string gdb, int processId, ulong[] addresses)
    {
        using TemporaryFolder folder = new();
        string script = Path.Combine(folder.Path, "script");
        File.WriteAllLines(script, ["set print demangle off", "set print asm-demangle off", $"attach {processId}",
            .. addresses.Select(address => $"info symbol 0x{address:x}"), "detach"]);
        (_, string output, string errors) = Shell.Try(gdb, ["-nx", "-batch", "-iex", "set auto-load no",
            "-iex", "set debuginfod enabled off", "-x", script]);
        List<string?> names = [];
        foreach (string line in output.Split('\n'))
        {
            int section = line.IndexOf(" in section ", StringComparison.Ordinal);
            if (section > 0)
            {
                string name = line[..section];
                int offset = name.IndexOf(" + ", StringComparison.Ordinal);
                string symbol = offset < 0 ? name : name[..offset];
                int version = symbol.IndexOf('@');
                symbol = version > 0 && !symbol.EndsWith("@plt", StringComparison.Ordinal) ? symbol[..version] : symbol;
                names.Add(offset < 0 ? symbol : symbol + name[offset..]);
            }
            else if (line.StartsWith("No symbol matches", StringComparison.Ordinal))
            {
                names.Add(null);
            }
        }

        return ([.. names], errors);
    }
}

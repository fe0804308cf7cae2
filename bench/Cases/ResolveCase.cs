namespace MemProc.Bench;

/// <summary>Names of 100,000 random addresses of code, half of them in .NET's runtime, half in the C library.</summary>
internal sealed class ResolveCase : Case
{
    private const int Count = 100_000;
    private const int Seed = 5;
    private const ulong Spare = 64UL << 20;

    private static readonly string[] Files = ["libcoreclr.so", "libc.so.6"];

    /// <inheritdoc/>
    public override string Name => "resolve";

    /// <inheritdoc/>
    public override string Title => $"names of {Count:N0} random addresses of code";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        TargetProcess target = context.Keep(TargetProcess.Start());
        Scratch scratch = context.Keep(Scratch.InMemory(Spare));
        ulong[] addresses = Choose(target.ProcessId, scratch, out string[] lists);
        string all = scratch.Path("all");
        File.WriteAllLines(all, addresses.Select(address => $"0x{address:x}"));

        Candidate core = context.Add(new InProcessCandidate("MemProc.Core, Symbolizer, files opened each time", 1,
            () => Resolve(target.ProcessId, addresses)));
        Candidate memproc = context.Add(ProgramCandidate.Line("memproc resolve, start to end",
            output => $"{OutputLines.Of(output).Length - 1}",
            "\"$0\" \"$1\" resolve \"$2\" < \"$3\"", Programs.MemprocHost, Programs.Memproc, $"{target.ProcessId}", all));
        Candidate pwsh = context.Add(PwshCandidate.InOwnSession(context, "Resolve-ProcAddress, in a running pwsh",
            $"$addresses = [System.IO.File]::ReadAllLines('{all}'); "
            + $"(Resolve-ProcAddress {target.ProcessId} $addresses).Count"));
        Candidate addr2line = context.Add(Addr2Line(lists));
        context.Compare(core, addr2line, maxRatio: 0.2);
        context.Compare(memproc, addr2line);
        context.Compare(pwsh, addr2line, maxRatio: 0.2);
    }

    private static string Resolve(int processId, ulong[] addresses)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        using Symbolizer resolver = new(process);
        return $"{resolver.Resolve(addresses, error => throw error).Count()}";
    }

    /// <summary>addr2line takes addresses of one file a call, and as the file counts them.</summary>
    private static Candidate Addr2Line(string[] lists)
    {
        const string Title = "addr2line -f, one call a file, start to end";
        return Tools.Find("addr2line") is string addr2line
            ? ProgramCandidate.Line(Title, output => $"{OutputLines.Of(output).Length / 2}",
                "\"$0\" -f -e \"$1\" < \"$2\" && \"$0\" -f -e \"$3\" < \"$4\"", addr2line, lists[0], lists[1], lists[2], lists[3])
            : new MissingCandidate(Title, "addr2line is not on PATH: it comes with binutils");
    }

    /// <summary>Random places in the code of the files, and for each file a list as the file counts them.</summary>
    private static ulong[] Choose(int processId, Scratch scratch, out string[] lists)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        using MappedImages images = new(process);
        Random random = new(Seed);
        List<ulong> addresses = [];
        List<string> reported = [];
        foreach (string name in Files)
        {
            MappedFile file = images.Named(name).FirstOrDefault() ?? throw new SkippedException($"it takes {name}");
            ElfSection text = file.Elf!.Sections.Single(section => section.Name == ".text");
            ulong start = AddressExpression.Parse($"{name}!.text").Resolve(images);
            ulong[] offsets = [.. Enumerable.Range(0, Count / Files.Length)
                .Select(_ => (ulong)random.NextInt64((long)text.SizeBytes))];
            addresses.AddRange(offsets.Select(offset => start + offset));
            string list = scratch.Path(name);
            File.WriteAllLines(list, offsets.Select(offset => $"0x{text.VirtualAddress + offset:x}"));
            reported.AddRange([file.Path, list]);
        }

        lists = [.. reported];
        ulong[] shuffled = [.. addresses];
        random.Shuffle(shuffled);
        return shuffled;
    }
}

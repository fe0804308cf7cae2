using System.Text.RegularExpressions;

namespace MemProc.Bench;

/// <summary>
/// The first round of looking for a number: every place where it is, remembered for the next round. scanmem looks at
/// every address, so that the one of ours that does the same is compared first; then the one that looks where numbers
/// are.
/// </summary>
internal sealed partial class SearchValueCase : Case
{
    private const ulong Length = 1UL << 30;

    /// <summary>A number that nothing else in the process is likely to be.</summary>
    private const int Number = 0x5ca1ab1e;
    private const int Plants = 10;

    /// <inheritdoc/>
    public override string Name => "search-value";

    /// <inheritdoc/>
    public override string Title => "first scan of 1 GiB for an Int32";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        ResidentMemory memory = ResidentMemory.Filled(context, Length);
        Plant(memory);
        Candidate scanmem = context.Add(Scanmem(memory.ProcessId));
        Candidate anywhere = context.Add(Core("every address", memory.ProcessId, 1, out _));
        Candidate aligned = context.Add(Core("aligned", memory.ProcessId, sizeof(int), out Func<ulong> held));
        context.Compare(anywhere, scanmem, maxRatio: 0.1);
        context.Compare(aligned, scanmem, maxRatio: 0.1);
        Candidate program = context.Add(ProgramCandidate.Memproc("memproc search --value, start to end",
            output => $"{output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length}",
            "search", $"{memory.ProcessId}", "--type", "int32", "--value", $"{Number}", "--permission", "?w?",
            "--json"));
        context.Compare(program, scanmem);
        context.Remark("Held by the aligned scan", () => HumanSize.Format(held()));
    }

    private static void Plant(ResidentMemory memory)
    {
        using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
        for (ulong plant = 0; plant < Plants; plant++)
        {
            ulong address = memory.Start + memory.Length / Plants * plant / 64 * 64 + 8;
            MemoryTransaction.Prepare(process, [new MemoryWriteRequest(address, BitConverter.GetBytes(Number))])
                .Commit(stop: false, verify: true);
        }
    }

    /// <summary>Like scanmem, it looks at all writable mappings.</summary>
    private static InProcessCandidate Core(string how, int processId, int alignment, out Func<ulong> held)
    {
        ulong bytes = 0;
        held = () => bytes;
        return new InProcessCandidate($"MemProc.Core, MemoryScanner, {how}", 1, () =>
        {
            using LinuxProcess process = LinuxProcess.Open(processId);
            MemoryScanner scanner = new(process)
            {
                Range = new SearchRange { Filter = new MapFilter { Permissions = ["?w?"] } },
            };
            MemoryScan scan = scanner.Start(
                MemoryValueType.Int32, ValueCondition.EqualTo(MemoryValueType.Int32, Number), alignment);
            bytes = scan.HeldBytes;
            return $"{scan.Count}";
        });
    }

    private static Candidate Scanmem(int processId)
    {
        const string Name = "scanmem, start to end";
        if (Tools.Find("scanmem") is not string scanmem)
        {
            return new MissingCandidate(Name, "scanmem is not on PATH");
        }

        // It prints the result on standard error.
        string commands = $"option scan_data_type int32;option region_scan_level 3;{Number};exit";
        return new ProgramCandidate(Name, output => Found().Match(output) is { Success: true } found
                ? found.Groups[1].Value
                : throw new BenchException($"scanmem says no number of matches: {output}"),
            "/bin/sh", "-c", $"exec {scanmem} -p {processId} -c '{commands}' 2>&1");
    }

    [GeneratedRegex(@"we currently have (\d+) matches")]
    private static partial Regex Found();
}

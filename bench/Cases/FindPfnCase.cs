namespace MemProc.Bench;

/// <summary>Who maps a frame, among many processes.</summary>
internal sealed class FindPfnCase : Case
{
    private const int Count = 285;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public override string Name => "find-pfn";

    /// <inheritdoc/>
    public override string Title => "who maps a frame, among 285 processes";

    /// <inheritdoc/>
    public override bool ScansAllProcesses => true;

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        SleepingProcesses sleepers = context.Keep(new SleepingProcesses(Count));
        string pfn = $"{HeapFrame(sleepers.Ids.ElementAt(Count / 2)):x}";
        Candidate script = context.Add(Script(pfn));
        Candidate cmdlet = context.Add(PwshCandidate.InOwnSession(
            context, "Find-ProcessByPfn, in a running pwsh", $"(Find-ProcessByPfn 0x{pfn}).ProcessId"));
        Candidate core = context.Add(Core(pfn));
        Candidate memproc = context.Add(Memproc(pfn));
        Candidate limit = context.Add(
            new LimitCandidate("C, PAGEMAP_SCAN of each process", "pfn_search", 1, $"0x{pfn}"));
        context.Compare(cmdlet, script);
        context.Compare(core, script);
        context.Compare(memproc, script);
        // With two processors; the C program uses one.
        context.Compare(core, limit, maxRatio: 0.7);
    }

    /// <summary>
    /// The first frame of a process' heap: its own alone. The first page of a mapping is the first of a run too, so
    /// that the script, which looks at firsts of runs alone, can find it.
    /// </summary>
    private static ulong HeapFrame(int processId)
    {
        ulong? frame = null;
        using LinuxProcess process = LinuxProcess.Open(processId);
        bool IsMapped()
        {
            ProcMap? heap = MapReader.Read(process).FirstOrDefault(map => map.Kind == ProcMapKind.Heap);
            frame = heap is null ? null : new PageMapWalk(process).At(heap.Start).Single().Pfn;
            return frame is not null;
        }

        // It may not have got so far as to have one.
        return SpinWait.SpinUntil(IsMapped, Timeout)
            ? frame!.Value
            : throw new BenchException($"Process {process.Identity} has no heap.");
    }

    private static InProcessCandidate Core(string pfn) => new("MemProc.Core, PfnSearch", 1, () => Lines(
        new PfnSearch([PfnRange.Parse($"0x{pfn}").First]).In(ProcessList.Ids(), _ => { }, _ => { })
            .Select(owner => (long)owner.ProcessId)));

    private static ProgramCandidate Memproc(string pfn) => ProgramCandidate.Memproc(
        "memproc find-pfn, start to end",
        output => Lines(OutputLines.Numbers(output, "processId")),
        "find-pfn", $"0x{pfn}", "--json");

    private static Candidate Script(string pfn)
    {
        const string Title = "a script around page-types";
        string script = Path.Combine(Programs.Remembered("RepoRoot"), "bench", "peers", "find-pfn.sh");
        return Tools.PageTypesMissing is string reason
            ? new MissingCandidate(Title, reason)
            : new ProgramCandidate(Title, output => Lines(OutputLines.Of(output).Select(long.Parse)),
                "sh", script, Tools.PageTypes!, pfn);
    }

    private static string Lines(IEnumerable<long> processIds) => string.Join(' ', processIds.Order());
}

namespace MemProc.Bench;

/// <summary>Who maps a frame, among many processes.</summary>
internal sealed class FindPfnCase : Case
{
    private const int Count = 285;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public override string Name => "find-pfn";

    /// <inheritdoc/>
    public override string Title => "who maps a frame, among 285 processes";

    /// <inheritdoc/>
    public override bool LooksAtEveryone => true;

    /// <inheritdoc/>
    public override void Prepare(Contest contest)
    {
        Sleepers sleepers = contest.Keep(new Sleepers(Count));
        string pfn = $"{HeapFrame(sleepers.Ids.ElementAt(Count / 2)):x}";
        Contender script = contest.Add(Script(pfn));
        Contender cmdlet = contest.Add(PwshLine.InSessionOfItsOwn(
            contest, "Find-ProcessByPfn, in a running pwsh", $"(Find-ProcessByPfn 0x{pfn}).ProcessId"));
        Contender core = contest.Add(Core(pfn));
        Contender memproc = contest.Add(Memproc(pfn));
        Contender limit = contest.Add(
            new LimitProgram("C, PAGEMAP_SCAN of each process", "pfn_search", 1, $"0x{pfn}"));
        contest.Compare(cmdlet, script, atMost: 0.02);
        contest.Compare(core, script);
        contest.Compare(memproc, script);
        contest.Compare(core, limit);
    }

    /// <summary>
    /// The first frame of a process' heap: its own alone. The first page of a mapping is the first of a run too, so
    /// that the script, which looks at firsts of runs alone, can find it.
    /// </summary>
    private static ulong HeapFrame(int processId)
    {
        ulong? frame = null;
        using LinuxProcess process = LinuxProcess.Open(processId);
        bool IsThere()
        {
            ProcMap? heap = MapReader.Read(process).FirstOrDefault(map => map.Kind == ProcMapKind.Heap);
            frame = heap is null ? null : new PageMapWalk(process).At(heap.Start).Single().Pfn;
            return frame is not null;
        }

        // It may not have got so far as to have one.
        return SpinWait.SpinUntil(IsThere, Patience)
            ? frame!.Value
            : throw new BenchException($"Process {process.Identity} has no heap.");
    }

    private static InProcess Core(string pfn) => new("MemProc.Core, PfnSearch", 1, () => Told(
        new PfnSearch([PfnRange.Parse($"0x{pfn}").First]).In(ProcessList.Ids(), _ => { }, _ => { })
            .Select(owner => (long)owner.ProcessId)));

    private static WholeProgram Memproc(string pfn) => WholeProgram.Memproc(
        "memproc find-pfn, start to end",
        output => Told(ToldLines.Numbers(output, "processId")),
        "find-pfn", $"0x{pfn}", "--json");

    private static Contender Script(string pfn)
    {
        const string Title = "a script around page-types";
        string script = Path.Combine(Programs.Remembered("RepoRoot"), "bench", "peers", "find-pfn.sh");
        return Tools.PageTypesMissing is string reason
            ? new Absent(Title, reason)
            : new WholeProgram(Title, output => Told(ToldLines.Of(output).Select(long.Parse)),
                "sh", script, Tools.PageTypes!, pfn);
    }

    private static string Told(IEnumerable<long> processIds) => string.Join(' ', processIds.Order());
}

namespace MemProc.Bench;

/// <summary>Comparing a process with itself: two cores of it in memory, of which nothing differs.</summary>
internal sealed class CompareCase : Case
{
    private const ulong Length = 1UL << 30;
    private const ulong Spare = 4UL << 30;
    private const int Repeats = 1;
    private const int Chunk = 256 << 10;

    /// <inheritdoc/>
    public override string Name => "compare";

    /// <inheritdoc/>
    public override string Title => "comparison of two cores of 1 GiB that are equal";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Scratch scratch = context.Keep(Scratch.InMemory(Spare));
        string before = scratch.Path("before"), after = scratch.Path("after");
        using (TargetProcess target = TargetProcess.Start())
        {
            FilledMemory.In(target, Length, Length);
            using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
            MemorySaver.Save(process, null, before, new SaveOptions { Stop = true }, _ => { }, CancellationToken.None);
            File.Copy(before, after);
        }

        Candidate one = context.Add(Core(before, after, 1));
        Candidate two = context.Add(Core(before, after, 2));
        ProgramCandidate memproc = context.Add(ProgramCandidate.Memproc(
            "memproc compare --summary, start to end", null, "compare", before, after, "--summary"));
        Candidate loop = context.Add(new LimitCandidate("C, pread of both files", "file_read", Repeats, Chunk, before, after));
        // 1.25 of the time is 0.8 of the bandwidth; users have all processors.
        context.Compare(one, loop);
        context.Compare(two, loop, maxRatio: 1.25);
        context.Remark("Peak memory of memproc compare", () => HumanSize.Format(memproc.PeakRssBytes));
    }

    private static InProcessCandidate Core(string before, string after, int workers) =>
        new($"MemProc.Core, MemoryComparer, {(workers == 1 ? "one processor" : $"{workers} processors")}", Repeats, () =>
        {
            using MemProc.CoreFile left = MemProc.CoreFile.Open(before), right = MemProc.CoreFile.Open(after);
            MemoryComparer comparer = new(left, right, new ComparisonOptions { Workers = workers });
            using ContentComparison comparison = comparer.CompareContent(keepDifferences: false);
            return comparison.Summary.ComparedBytes >= Length
                ? $"{comparison.Summary.ChangedBytes}"
                : throw new BenchException($"Only {comparison.Summary.ComparedBytes} bytes were compared.");
        });
}

namespace MemProc.Bench;

/// <summary>Who maps many frames: looked for in one pass, or by an index of all pages that is built first.</summary>
/// <param name="count">How many frames.</param>
internal sealed class FindManyCase(int count) : Case
{
    private const int Processes = 4;
    private const ulong Length = 1UL << 30;

    /// <summary>What must be free besides.</summary>
    private const ulong Spare = 2UL << 30;

    /// <inheritdoc/>
    public override string Name => $"find-{count}";

    /// <inheritdoc/>
    public override string Title => $"who maps {count:N0} frames, among four processes of 1 GiB";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        if (Machine.AvailableBytes < Processes * Length + Spare)
        {
            throw new SkippedException($"it takes {HumanSize.Format(Processes * Length + Spare)} of free memory");
        }

        ResidentMemory[] memories = [.. Enumerable.Range(0, Processes).Select(_ => ResidentMemory.In(context, Length))];
        int[] processIds = [.. memories.Select(memory => memory.ProcessId)];
        ulong[] frames = [.. memories.SelectMany(Frames)];
        new Random(1).Shuffle(frames);
        ulong[] requested = frames[..count];
        context.Compare(
            context.Add(new InProcessCandidate("MemProc.Core, PfnSearch", 1, () => Search(processIds, requested))),
            context.Add(new InProcessCandidate("MemProc.Core, PfnIndex, built and asked", 1, () => Ask(processIds, requested))));
    }

    private static IEnumerable<ulong> Frames(ResidentMemory memory)
    {
        using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
        return [.. new PageMapWalk(process).Range(memory.Start, memory.Length).Select(page => page.Pfn!.Value)];
    }

    private static string Search(int[] processIds, ulong[] requested) =>
        $"{new PfnSearch(requested).In(processIds, _ => { }, error => throw error).LongCount()}";

    private static string Ask(int[] processIds, ulong[] requested)
    {
        PfnIndex index = PfnIndex.Build(processIds, _ => { }, error => throw error);
        return $"{requested.Sum(pfn => index.Owners(pfn).LongCount())}";
    }
}

namespace MemProc.Bench;

/// <summary>
/// The same walk in PowerShell, an object a page, against what the pipeline itself takes. <c>$null = …</c> keeps all
/// objects until the last one has come, so that their size counts too; <c>| Out-Null</c> passes them on. Each has a
/// own session, so that the heap of one does not affect the time of another.
/// </summary>
internal sealed class ObjectsCase : Case
{
    /// <inheritdoc/>
    public override string Name => "objects";

    /// <inheritdoc/>
    public override string Title => "walk of 1 GiB resident as objects to $null";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        ResidentMemory memory = ResidentMemory.In(context, 1UL << 30);
        string walk = $"Get-PageMapEntry -Id {memory.ProcessId} -Address 0x{memory.Start:x} -Length {memory.Length}";
        PwshSession session = context.Keep(PwshSession.Start());
        string counted = session.Run($"({walk} | Measure-Object).Count").Answer!;
        if (counted != $"{memory.Pages}")
        {
            throw new BenchException($"{walk} emitted {counted} objects instead of {memory.Pages}.");
        }

        int size = BytesOfEntry(memory);
        string empty = $"Write-EmptyObject {memory.Pages}";
        Candidate Add(string name, string line) => context.Add(PwshCandidate.InOwnSession(context, name, line));

        Candidate kept = Add("$null = Get-PageMapEntry", $"$null = {walk}");
        context.Compare(kept, Add("$null = empty objects", $"$null = {empty}"), maxRatio: 1.6);
        context.Compare(kept, Add("$null = empty objects as large", $"$null = {empty} -Size {size}"));
        Candidate passed = Add("Get-PageMapEntry | Out-Null", $"{walk} | Out-Null");
        context.Compare(passed, Add("empty objects | Out-Null", $"{empty} | Out-Null"), maxRatio: 1.6);
        context.Remark("Bytes of an entry on the heap", () => $"{size}");
    }

    /// <summary>What an entry takes on the heap: of all that a walk allocates, nearly all is entries.</summary>
    private static int BytesOfEntry(ResidentMemory memory)
    {
        using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long entries = new PageMapWalk(process).Range(memory.Start, memory.Length).LongCount();
        long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        return (int)(bytes / entries / sizeof(long) * sizeof(long));
    }
}

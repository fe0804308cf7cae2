namespace MemProc.Bench;

/// <summary>Walking resident memory, page by page, without an object a page.</summary>
internal sealed class WalkCase : Case
{
    /// <inheritdoc/>
    public override string Name => "walk";

    /// <inheritdoc/>
    public override string Title => "walk of 1 GiB resident, no objects";

    /// <inheritdoc/>
    public override void Prepare(Contest contest)
    {
        ResidentMemory memory = ResidentMemory.In(contest, 1UL << 30);
        InProcess core = contest.Add(PresentPages.Core(5, memory.ProcessId, memory.Start, memory.End));
        Contender loop = contest.Add(
            new LimitProgram("C, pread of every word", "pagemap_pread", 5, memory.ProcessId, memory.Start, memory.End));
        contest.Compare(core, loop, atMost: 1.3);
        contest.Remark("Allocated by a walk", () => HumanSize.Format((ulong)core.AllocatedBytes));
    }
}

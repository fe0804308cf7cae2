namespace MemProc.Bench;

/// <summary>Walking resident memory, page by page, without an object a page.</summary>
internal sealed class WalkCase : Case
{
    /// <inheritdoc/>
    public override string Name => "walk";

    /// <inheritdoc/>
    public override string Title => "walk of 1 GiB resident, no objects";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        ResidentMemory memory = ResidentMemory.In(context, 1UL << 30);
        InProcessCandidate core = context.Add(PresentPages.Core(5, memory.ProcessId, memory.Start, memory.End));
        Candidate loop = context.Add(
            new LimitCandidate("C, pread of every word", "pagemap_pread", 5, memory.ProcessId, memory.Start, memory.End));
        context.Compare(core, loop, maxRatio: 1.3);
        context.Remark("Allocated by a walk", () => HumanSize.Format((ulong)core.AllocatedBytes));
    }
}

namespace MemProc.Bench;

/// <summary>Finding the few touched pages of a huge reservation, as every runtime makes one.</summary>
internal sealed class ReservationCase : Case
{
    private const ulong Length = 256UL << 30;
    private const ulong Touched = 100;

    /// <inheritdoc/>
    public override string Name => "reservation";

    /// <inheritdoc/>
    public override string Title => "the 100 populated pages of 256 GiB reserved";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        TargetProcess target = context.Keep(TargetProcess.Start());
        ulong start = target.Ask($"reserve {Length} {Touched}").Address("address");
        ulong end = start + Length;
        Candidate core = context.Add(PresentPages.Core(20, target.ProcessId, start, end));
        Candidate loop = context.Add(
            new LimitCandidate("C, pread of every word", "pagemap_pread", 1, target.ProcessId, start, end));
        Candidate scan = context.Add(
            new LimitCandidate("C, PAGEMAP_SCAN alone", "pagemap_scan", 20, target.ProcessId, start, end));
        context.Compare(core, loop, maxRatio: 0.01);
        context.Compare(core, scan, maxRatio: 1.15);
    }
}

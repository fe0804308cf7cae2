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
    public override void Prepare(Contest contest)
    {
        TargetProcess target = contest.Keep(TargetProcess.Start());
        ulong start = target.Ask($"reserve {Length} {Touched}").Address("address");
        ulong end = start + Length;
        Contender core = contest.Add(PresentPages.Core(20, target.ProcessId, start, end));
        Contender loop = contest.Add(
            new LimitProgram("C, pread of every word", "pagemap_pread", 1, target.ProcessId, start, end));
        Contender scan = contest.Add(
            new LimitProgram("C, PAGEMAP_SCAN alone", "pagemap_scan", 20, target.ProcessId, start, end));
        contest.Compare(core, loop, atMost: 0.01);
        contest.Compare(core, scan);
    }
}

namespace MemProc.Bench;

/// <summary>How many pages of a process have which flags.</summary>
internal sealed class ProcessFlagsCase : Case
{
    /// <inheritdoc/>
    public override string Name => "process-flags";

    /// <inheritdoc/>
    public override string Title => "flags of 1 GiB of a process, summed up";

    /// <inheritdoc/>
    public override void Prepare(Contest contest)
    {
        Tools.RequireRoot();
        ResidentMemory memory = ResidentMemory.In(contest, 1UL << 30);
        // Its memory alone, since page-types would lose much time in what else the runtime of the process reserves.
        string range = $"{memory.Start / MachinePage.SizeBytes},{memory.End / MachinePage.SizeBytes}";
        Contender pageTypes = contest.Add(FlagSums.PageTypes("-p", $"{memory.ProcessId}", "-a", range));
        Contender core = contest.Add(FlagSums.Core(5, count =>
        {
            using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
            count.AddProcess(process, memory.Start, memory.Length);
        }));
        Contender cmdlet = contest.Add(FlagSums.Cmdlet(contest,
            $"Measure-PageFlags -Id {memory.ProcessId} -Address 0x{memory.Start:x} -Length {memory.Length}"));
        Contender limit = contest.Add(new LimitProgram(
            "C, read alone on all processors", "process_flags", 5, memory.ProcessId, memory.Start, memory.End));
        contest.Compare(core, pageTypes, atMost: 0.3);
        contest.Compare(cmdlet, pageTypes, atMost: 0.3);
        contest.Compare(limit, pageTypes);
        contest.Compare(core, limit);
    }
}

namespace MemProc.Bench;

/// <summary>How many pages of a process have which flags.</summary>
internal sealed class ProcessFlagsCase : Case
{
    /// <inheritdoc/>
    public override string Name => "process-flags";

    /// <inheritdoc/>
    public override string Title => "flags of 1 GiB of a process, summed up";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        ResidentMemory memory = ResidentMemory.In(context, 1UL << 30);
        // Its memory alone, since page-types would lose much time in what else the runtime of the process reserves.
        string range = $"{memory.Start / MachinePage.SizeBytes},{memory.End / MachinePage.SizeBytes}";
        Candidate pageTypes = context.Add(FlagSums.PageTypes("-p", $"{memory.ProcessId}", "-a", range));
        Candidate core = context.Add(FlagSums.Core(5, count =>
        {
            using LinuxProcess process = LinuxProcess.Open(memory.ProcessId);
            count.AddProcess(process, memory.Start, memory.Length);
        }));
        Candidate cmdlet = context.Add(FlagSums.Cmdlet(context,
            $"Measure-PageFlags -Id {memory.ProcessId} -Address 0x{memory.Start:x} -Length {memory.Length}"));
        Candidate limit = context.Add(new LimitCandidate(
            "C, read alone on all processors", "process_flags", 5, memory.ProcessId, memory.Start, memory.End));
        context.Compare(core, pageTypes, maxRatio: 0.3);
        context.Compare(cmdlet, pageTypes, maxRatio: 0.3);
        context.Compare(limit, pageTypes);
        context.Compare(core, limit);
    }
}

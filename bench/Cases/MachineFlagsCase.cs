namespace MemProc.Bench;

/// <summary>How many frames of the machine have which flags.</summary>
internal sealed class MachineFlagsCase : Case
{
    /// <inheritdoc/>
    public override string Name => "machine-flags";

    /// <inheritdoc/>
    public override string Title => "flags of all frames of the machine, summed up";

    /// <inheritdoc/>
    public override void Prepare(Contest contest)
    {
        Tools.RequireRoot();
        Contender pageTypes = contest.Add(FlagSums.PageTypes());
        Contender core = contest.Add(FlagSums.Core(1, count => count.AddRange(0, ulong.MaxValue)));
        Contender cmdlet = contest.Add(FlagSums.Cmdlet(contest, "Measure-PageFlags"));
        Contender memproc = contest.Add(FlagSums.Memproc());
        Contender limit = contest.Add(new LimitProgram("C, read alone", "kpageflags_read", 1));
        contest.Compare(core, pageTypes, atMost: 0.6);
        contest.Compare(cmdlet, pageTypes, atMost: 0.6);
        contest.Compare(memproc, pageTypes);
        contest.Compare(core, limit);
    }
}

namespace MemProc.Bench;

/// <summary>How many frames of the machine have which flags.</summary>
internal sealed class MachineFlagsCase : Case
{
    /// <inheritdoc/>
    public override string Name => "machine-flags";

    /// <inheritdoc/>
    public override string Title => "flags of all frames of the machine, summed up";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        Candidate pageTypes = context.Add(FlagSums.PageTypes());
        Candidate core = context.Add(FlagSums.Core(1, count => count.AddMachine()));
        Candidate cmdlet = context.Add(FlagSums.Cmdlet(context, "Measure-PageFlags"));
        Candidate memproc = context.Add(FlagSums.Memproc());
        Candidate limit = context.Add(new LimitCandidate("C, read alone", "kpageflags_read", 1));
        context.Compare(core, pageTypes, maxRatio: 0.6);
        context.Compare(cmdlet, pageTypes, maxRatio: 0.6);
        context.Compare(memproc, pageTypes);
        context.Compare(core, limit);
    }
}

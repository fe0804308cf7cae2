namespace MemProc.Bench;

/// <summary>
/// What all frames of the machine are used for. page-types sums up their flags, which is less. The counts change all the
/// time: the answer is how many frames were looked at.
/// </summary>
internal sealed class MachineFramesCase : Case
{
    /// <inheritdoc/>
    public override string Name => "machine-frames";

    /// <inheritdoc/>
    public override string Title => "all frames of the machine by what they are used for";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Tools.RequireRoot();
        Candidate pageTypes = context.Add(FlagSums.PageTypes());
        Candidate read = context.Add(new LimitCandidate("C, read of kpageflags alone", "kpageflags_read", 1));
        foreach ((PageFrameGrouping grouping, double maxRatio) in new (PageFrameGrouping, double)[]
        {
            (PageFrameGrouping.Kind, 3), (PageFrameGrouping.Slab, 3), (PageFrameGrouping.Cgroup, 3), (PageFrameGrouping.File, 3),
        })
        {
            Candidate core = context.Add(new InProcessCandidate(
                $"MemProc.Core, PageFrameMeter by {grouping}", 1, () => Count(grouping)));
            context.Compare(core, pageTypes, maxRatio);
            context.Compare(core, read);
        }
    }

    private static string Count(PageFrameGrouping grouping)
    {
        using PageFrameMeter meter = new();
        try
        {
            _ = meter.Count(grouping);
        }
        catch (MemProcException error)
        {
            throw new SkippedException(error.Message);
        }

        using FrameTables tables = new(FrameAttributes.Flags);
        return $"{tables.End}";
    }
}

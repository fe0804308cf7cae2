namespace MemProc;

/// <summary>The part of a process that was touched while it was measured: the sums of its <see cref="WorkingSet"/>s.</summary>
public sealed class WorkingSetSummary : ProcessOutput
{
    private WorkingSetSummary(ProcessIdentity process, WorkingSetMethod method, double seconds)
    {
        Process = process;
        Method = method;
        Seconds = seconds;
    }

    internal override ProcessIdentity Process { get; }

    /// <inheritdoc cref="WorkingSet.Method"/>
    public WorkingSetMethod Method { get; }

    /// <inheritdoc cref="WorkingSet.Seconds"/>
    public double Seconds { get; }

    /// <summary>Number of mappings.</summary>
    public int MappingCount { get; private set; }

    /// <inheritdoc cref="WorkingSet.RssBytes"/>
    public ulong RssBytes { get; private set; }

    /// <inheritdoc cref="WorkingSet.UssBytes"/>
    public ulong UssBytes { get; private set; }

    /// <inheritdoc cref="WorkingSet.ReferencedBytes"/>
    public ulong ReferencedBytes { get; private set; }

    /// <inheritdoc cref="WorkingSet.PrivateReferencedBytes"/>
    public ulong PrivateReferencedBytes { get; private set; }

    /// <inheritdoc cref="WorkingSet.SharedReferencedBytes"/>
    public ulong SharedReferencedBytes { get; private set; }

    /// <inheritdoc cref="WorkingSet.UnattributedReferencedBytes"/>
    public ulong UnattributedReferencedBytes { get; private set; }

    /// <inheritdoc cref="WorkingSet.UntrackedBytes"/>
    public ulong? UntrackedBytes { get; private set; }

    /// <summary>Returns the sums of the mappings of a process.</summary>
    internal static WorkingSetSummary Of(
        ProcessIdentity process, WorkingSetMethod method, double seconds, IEnumerable<WorkingSet> mappings)
    {
        WorkingSetSummary sum = new(process, method, seconds)
        {
            UntrackedBytes = method == WorkingSetMethod.Idle ? 0 : null,
        };
        foreach (WorkingSet mapping in mappings)
        {
            sum.MappingCount++;
            sum.RssBytes += mapping.RssBytes;
            sum.UssBytes += mapping.UssBytes;
            sum.ReferencedBytes += mapping.ReferencedBytes;
            sum.PrivateReferencedBytes += mapping.PrivateReferencedBytes;
            sum.SharedReferencedBytes += mapping.SharedReferencedBytes;
            sum.UnattributedReferencedBytes += mapping.UnattributedReferencedBytes;
            sum.UntrackedBytes += mapping.UntrackedBytes;
        }

        return sum;
    }

    /// <summary>Returns process and touched bytes in words.</summary>
    public override string ToString() =>
        $"{Process}: {HumanSize.Format(ReferencedBytes)} of {HumanSize.Format(RssBytes)} touched";
}

namespace MemProc.Bench;

/// <summary>Whether the code of many processes is the code on disk.</summary>
internal sealed class CompareImageCase : Case
{
    private const int Count = 285;

    /// <inheritdoc/>
    public override string Name => "compare-image";

    /// <inheritdoc/>
    public override string Title => $"comparison of {Count} processes with their files";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        SleepingProcesses processes = context.Keep(new SleepingProcesses(Count));
        InProcessCandidate core = context.Add(new InProcessCandidate("MemProc.Core, ImageComparer", 1, () =>
        {
            int unexplained = 0;
            foreach (int id in processes.Ids)
            {
                using LinuxProcess process = LinuxProcess.Open(id);
                unexplained += new ImageComparer(process).Compare(new MapFilter())
                    .Count(difference => difference.Explanation == ImageExplanation.None);
            }

            return $"{unexplained}";
        }));
        context.Remark("Allocated", () => HumanSize.Format((ulong)core.AllocatedBytes));
    }
}

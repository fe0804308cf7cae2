namespace MemProc.Bench;

/// <summary>Reading the list of mappings of a process that has nearly as many as the kernel allows.</summary>
internal sealed class MapsCase : Case
{
    private const int Count = 60_000;

    /// <inheritdoc/>
    public override string Name => "maps";

    /// <inheritdoc/>
    public override string Title => "all mappings of a process with 60,000";

    /// <inheritdoc/>
    public override void Prepare(Contest contest)
    {
        TargetProcess target = contest.Keep(TargetProcess.Start());
        target.Ask($"vmas {Count}");
        InProcess core = contest.Add(
            new InProcess("MemProc.Core, MapReader", 3, () => $"{CountMaps(target.ProcessId)}"));
        Contender sscanf = contest.Add(
            new LimitProgram("C, fgets and sscanf", "maps_sscanf", 3, target.ProcessId));
        Contender read = contest.Add(new LimitProgram("C, read alone", "maps_read", 3, target.ProcessId));
        Contender cat = contest.Add(
            new WholeProgram("cat, start to end", null, "cat", $"/proc/{target.ProcessId}/maps"));
        contest.Compare(core, sscanf);
        contest.Compare(core, read);
        contest.Compare(core, cat);
        contest.Remark("Allocated a mapping", () => $"{Figures.Digits(core.AllocatedBytes / Count)} B");
    }

    private static int CountMaps(int processId)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        return MapReader.Read(process).Count();
    }
}

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
    public override void Prepare(CaseContext context)
    {
        TargetProcess target = context.Keep(TargetProcess.Start());
        target.Ask($"vmas {Count}");
        InProcessCandidate core = context.Add(
            new InProcessCandidate("MemProc.Core, MapReader", 3, () => $"{CountMaps(target.ProcessId)}"));
        Candidate sscanf = context.Add(
            new LimitCandidate("C, fgets and sscanf", "maps_sscanf", 3, target.ProcessId));
        Candidate read = context.Add(new LimitCandidate("C, read alone", "maps_read", 3, target.ProcessId));
        Candidate cat = context.Add(
            new ProgramCandidate("cat, start to end", null, "cat", $"/proc/{target.ProcessId}/maps"));
        context.Compare(core, sscanf);
        context.Compare(core, read);
        context.Compare(core, cat);
        context.Remark("Allocated a mapping", () => $"{ReportFormat.Digits(core.AllocatedBytes / Count)} B");
    }

    private static int CountMaps(int processId)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        return MapReader.Read(process).Count();
    }
}

namespace MemProc.Bench;

/// <summary>A new PowerShell that imports the module and prints mappings, beside one that prints a process.</summary>
internal sealed class ImportCase : Case
{
    /// <summary>A new pwsh that prints a process needs about 600 ms; 30 ms more are the goal.</summary>
    private const double MaxRatio = 1.05;

    /// <inheritdoc/>
    public override string Name => "import";

    /// <inheritdoc/>
    public override string Title => "a new pwsh that prints what sleep has";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        int sleep = context.Keep(new SleepingProcesses(1)).Ids.Single();
        string manifest = Path.Combine(Programs.Remembered("RepoRoot"), "MemProc.psd1");
        Candidate maps = Pwsh(context, "Import-Module MemProc; Get-ProcMap", $"Import-Module '{manifest}'; Get-ProcMap {sleep}");
        Candidate process = Pwsh(context, "Get-Process", $"Get-Process -Id {sleep}");
        context.Compare(maps, process, MaxRatio);
    }

    private static ProgramCandidate Pwsh(CaseContext context, string name, string line) => context.Add(new ProgramCandidate(
        name, null, DotnetHost.Path, Programs.Remembered("PwshProgram"), "-NoProfile", "-NonInteractive", "-Command", line));
}

/// <summary>memproc on a small process, where starting is most of the work, beside pmap.</summary>
internal sealed class StartCase : Case
{
    /// <inheritdoc/>
    public override string Name => "start";

    /// <inheritdoc/>
    public override string Title => "mappings of sleep, start to end";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        string sleep = $"{context.Keep(new SleepingProcesses(1)).Ids.Single()}";
        Candidate memproc = context.Add(ProgramCandidate.Memproc("memproc map --detailed", null, "map", sleep, "--detailed"));
        Candidate pmap = context.Add(new ProgramCandidate("pmap -x", null, "pmap", "-x", sleep));
        context.Compare(memproc, pmap);
    }
}

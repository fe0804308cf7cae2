namespace MemProc.Bench;

/// <summary>
/// An ELF core of a process with much in memory and far more reserved. gdb's gcore writes all of a reservation unless its
/// process excludes it from dumps; it gets a fraction of ours, because of the disk space and time that it needs.
/// </summary>
internal sealed class CoreCase : Case
{
    private const ulong Resident = 1UL << 30;
    private const ulong Reserved = 256UL << 30;
    private const ulong ReservedForGdb = 8UL << 30;

    /// <summary>
    /// Half as much again as one of our cores. gcore takes seconds, after which what ours left free is the host's; gcore
    /// itself empties its last file first.
    /// </summary>
    private const ulong BroughtBack = Resident + (Resident / 2);

    /// <summary>What must be free: two processes, a core of what is resident, one of the smaller reservation.</summary>
    private const ulong Spare = 16UL << 30;

    /// <inheritdoc/>
    public override string Name => "core";

    /// <inheritdoc/>
    public override string Title => "ELF core of 1 GiB resident with 256 GiB reserved";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Scratch scratch = context.Keep(Scratch.InMemory(Spare));
        context.BeforeMeasurement = () => scratch.BringBack(BroughtBack);
        int process = Start(context, Reserved);
        Candidate core = context.Add(new InProcessCandidate("MemProc.Core, MemorySaver", 1, () => Save(process, scratch.Path("core"), false)));
        Candidate held = context.Add(new InProcessCandidate(
            "MemProc.Core, MemorySaver, held still", 1, () => Save(process, scratch.Path("core"), true)));
        ProgramCandidate memproc = context.Add(ProgramCandidate.Memproc("memproc save --stop, start to end", null,
            "save", $"{process}", scratch.Path("core"), "--stop", "--force"));
        Candidate gcore = context.Add(Gcore(scratch, Start(context, ReservedForGdb)));
        context.Compare(memproc, gcore, maxRatio: 0.2);
        context.Compare(core, gcore);
        context.Compare(held, core);
    }

    private static int Start(CaseContext context, ulong reserved)
    {
        TargetProcess target = context.Keep(TargetProcess.Start());
        FilledMemory.In(target, Resident, reserved);
        return target.ProcessId;
    }

    private static string Save(int processId, string path, bool stop)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        MemoryDump dump = MemorySaver.Save(process, null, path, new SaveOptions { Stop = stop, Overwrite = true }, _ => { },
            CancellationToken.None);
        return dump.SavedBytes >= Resident
            ? string.Empty
            : throw new BenchException($"{dump.SavedBytes} bytes were saved of {Resident}.");
    }

    private static Candidate Gcore(Scratch scratch, int process)
    {
        const string Title = "gcore, 8 GiB reserved, start to end";
        return Tools.Find("gcore") is string gcore
            ? new ProgramCandidate(Title, null, gcore, "-o", scratch.Path("gcore"), $"{process}")
            : new MissingCandidate(Title, "gcore is not on PATH: it comes with gdb");
    }
}

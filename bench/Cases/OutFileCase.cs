using System.Globalization;

namespace MemProc.Bench;

/// <summary>Memory of a process into a file in memory, beside a copy of the same bytes from file to file.</summary>
internal sealed class OutFileCase : Case
{
    private const ulong Length = 1UL << 30;
    private const ulong Spare = 4UL << 30;

    /// <summary>A file is written by one system call at a time, and of the pieces that dd can take 1 MiB is usual.</summary>
    private const string DdBlockSize = "bs=1M";

    /// <inheritdoc/>
    public override string Name => "out-file";

    /// <inheritdoc/>
    public override string Title => "1 GiB of a process into a file on tmpfs";

    /// <inheritdoc/>
    public override void Prepare(CaseContext context)
    {
        Scratch scratch = context.Keep(Scratch.InMemory(Spare));
        TargetProcess target = context.Keep(TargetProcess.Start());
        ulong address = FilledMemory.In(target, Length, Length);
        Candidate core = context.Add(new InProcessCandidate(
            "MemProc.Core, MemoryFile", 1, () => Save(target.ProcessId, address, scratch.Path("copy"))));
        Save(target.ProcessId, address, scratch.Path("source"));
        Candidate cmdlet = context.Add(PwshCandidate.InOwnSession(context, "Read-ProcessMemory -OutFile, in a running pwsh",
            string.Create(CultureInfo.InvariantCulture,
                $"$null = Read-ProcessMemory {target.ProcessId} {address} {Length} -OutFile '{scratch.Path("copy")}' -Force")));
        Candidate memproc = context.Add(ProgramCandidate.Memproc("memproc read --out, start to end", null,
            "read", $"{target.ProcessId}", $"{address}", $"{Length}", "--out", scratch.Path("copy"), "--force"));
        Candidate dd = context.Add(new ProgramCandidate("dd from a file in memory", null,
            "dd", $"if={scratch.Path("source")}", $"of={scratch.Path("dd")}", DdBlockSize, "status=none"));
        context.Compare(cmdlet, dd, maxRatio: 1.25);
        context.Compare(core, dd);
        context.Compare(memproc, dd);
    }

    private static string Save(int processId, ulong address, string path)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        MemoryFile.Save(process, new MemoryReader(process, ReadMethod.Auto), address, Length, path, overwrite: true,
            needAll: true, _ => { });
        return string.Empty;
    }
}

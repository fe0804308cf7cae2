using System.Globalization;

namespace MemProc.Bench;

/// <summary>Memory of a process into a file in memory, beside a copy of the same bytes from file to file.</summary>
internal sealed class OutFileCase : Case
{
    private const ulong Length = 1UL << 30;
    private const ulong Spare = 4UL << 30;

    /// <summary>A file is written by one system call at a time, and of the pieces that dd can take 1 MiB is usual.</summary>
    private const string DdPiece = "bs=1M";

    /// <inheritdoc/>
    public override string Name => "out-file";

    /// <inheritdoc/>
    public override string Title => "1 GiB of a process into a file on tmpfs";

    /// <inheritdoc/>
    public override void Prepare(Contest contest)
    {
        Scratch scratch = contest.Keep(Scratch.InMemory(Spare));
        TargetProcess target = contest.Keep(TargetProcess.Start());
        ulong address = FilledMemory.In(target, Length, Length);
        Contender core = contest.Add(new InProcess(
            "MemProc.Core, MemoryFile", 1, () => Save(target.ProcessId, address, scratch.Path("copy"))));
        Save(target.ProcessId, address, scratch.Path("source"));
        Contender cmdlet = contest.Add(PwshLine.InSessionOfItsOwn(contest, "Read-ProcessMemory -OutFile, in a running pwsh",
            string.Create(CultureInfo.InvariantCulture,
                $"$null = Read-ProcessMemory {target.ProcessId} {address} {Length} -OutFile '{scratch.Path("copy")}' -Force")));
        Contender memproc = contest.Add(WholeProgram.Memproc("memproc read --out, start to end", null,
            "read", $"{target.ProcessId}", $"{address}", $"{Length}", "--out", scratch.Path("copy"), "--force"));
        Contender dd = contest.Add(new WholeProgram("dd from a file in memory", null,
            "dd", $"if={scratch.Path("source")}", $"of={scratch.Path("dd")}", DdPiece, "status=none"));
        contest.Compare(cmdlet, dd, atMost: 1.25);
        contest.Compare(core, dd);
        contest.Compare(memproc, dd);
    }

    private static string Save(int processId, ulong address, string path)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        MemoryFile.Save(process, new MemoryReader(process, ReadMethod.Auto), address, Length, path, overwrite: true,
            needAll: true, _ => { });
        return string.Empty;
    }
}

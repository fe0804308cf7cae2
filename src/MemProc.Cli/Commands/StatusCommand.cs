using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc status</c>: shows the memory counters of a process.</summary>
internal sealed class StatusCommand : ProcessCommand
{
    private readonly Option<bool> _detailed = CommandOptions.Switch(
        "--detailed", "Read all page tables for shared, private and dirty memory: Pss, Uss and more");

    public StatusCommand()
        : base("status", "Shows how much memory a process has, by type.",
            "memproc status self",
            "memproc status 1234 --detailed",
            "memproc status 1234 --detailed --json | jq .ussBytes")
    {
        Options.Add(_detailed);
    }

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        if (parseResult.GetValue(_detailed))
        {
            ProcMemoryStatusDetail detail = MemoryStatusReader.ReadDetailed(process);
            Write(detail, detail.UssBytes, output);
        }
        else
        {
            Write(MemoryStatusReader.Read(process), null, output);
        }
    }

    private static void Write<T>(T status, ulong? ussBytes, Output output)
        where T : ProcMemoryStatus
    {
        if (output.IsJson)
        {
            output.WriteJson(status);
            return;
        }

        output.WriteLine($"Process {status.ProcessId} ({SafeText.Escape(status.ProcessName)}), {status.State ?? "-"}, "
            + $"threads: {status.ThreadCount}");
        foreach ((string counter, ulong bytes) in status.Counters)
        {
            WriteCounter(counter, bytes, output);
        }

        // The one sum that the kernel does not report.
        if (ussBytes is ulong uss)
        {
            WriteCounter("Uss", uss, output);
        }
    }

    private static void WriteCounter(string name, ulong bytes, Output output) =>
        output.WriteLine($"{SafeText.Escape(name),-16} {HumanSize.Format(bytes),10}");
}

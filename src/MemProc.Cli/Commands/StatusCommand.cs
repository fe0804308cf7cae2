using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc status</c>: what the kernel counts for the memory of a whole process.</summary>
internal sealed class StatusCommand : CliCommand
{
    private readonly Argument<int> _process = Given.Process();

    private readonly Option<bool> _detailed = Given.Switch(
        "--detailed", "Walk all its pages for what is shared, private and dirty: Pss, Uss and more");

    public StatusCommand()
        : base("status", "Shows how much memory a process has, by kind.",
            "memproc status self",
            "memproc status 1234 --detailed",
            "memproc status 1234 --detailed --json | jq .ussBytes")
    {
        Arguments.Add(_process);
        Options.Add(_detailed);
    }

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        if (given.GetValue(_detailed))
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

        // The one number that the kernel does not add up itself.
        if (ussBytes is ulong uss)
        {
            WriteCounter("Uss", uss, output);
        }
    }

    private static void WriteCounter(string name, ulong bytes, Output output) =>
        output.WriteLine($"{SafeText.Escape(name),-16} {HumanSize.Format(bytes),10}");
}

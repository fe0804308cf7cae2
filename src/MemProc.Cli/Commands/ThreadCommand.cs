using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc thread</c>: shows the threads of a process.</summary>
internal sealed class ThreadCommand : TargetCommand
{
    private static readonly Column<ProcThread>[] Columns =
    [
        new("Thread", 8, thread => thread.ThreadId.ToString(CultureInfo.InvariantCulture)),
        new("Name", -15, thread => SafeText.Escape(thread.Name ?? string.Empty)),
        new("State", -11, thread => thread.State is ProcThreadState state ? EnumNames.Of(state) : string.Empty),
        new("StackPointer", -18, thread => thread.StackPointer is ulong pointer ? ConsoleFormat.Hex(pointer) : "-"),
        new("Used", 9, thread => ConsoleFormat.Size(thread.StackUsedBytes)),
        new("WaitChannel", -24, thread => SafeText.Escape(thread.WaitChannel ?? "-")),
        new("Instruction", 0, thread => thread.Address is ulong address
            ? $"{ConsoleFormat.Hex(address)} {SafeText.Escape(thread.Location ?? string.Empty)}".TrimEnd() : "-"),
    ];

    private readonly Argument<int[]> _threads = new("THREAD")
    {
        Description = "Ids of threads; all if omitted",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _stop = CommandOptions.Switch(
        "--stop", "Stop the process for a moment and read the registers of all threads");

    private readonly Option<bool> _registers = CommandOptions.Switch(
        "--registers", "Show the registers below each thread; of a process with --stop only");

    public ThreadCommand()
        : base("thread", "Shows the threads of a process: state, stack, instruction, registers.",
            "memproc thread 1234",
            "memproc thread 1234 1240 --stop --registers",
            "memproc thread 1234 --json")
    {
        Arguments.Add(_threads);
        Options.Add(_stop);
        Options.Add(_registers);
    }

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool stop = parseResult.GetValue(_stop);
        if (stop)
        {
            Live(process, "--stop");
            output.WarnBeforeStop();
        }

        int[]? threads = parseResult.GetValue(_threads) is { Length: > 0 } some ? some : null;
        ProcThreadReader reader = new(process, cancellation) { Stop = stop, Warn = output.WarnOnce };
        Table<ProcThread> table = output.BeginTable(Columns);
        foreach (ProcThread thread in reader.Read(threads, error => output.Fail(error.Message)))
        {
            table.Add(thread);
            if (parseResult.GetValue(_registers) && !output.IsJson && thread.Registers is { } registers)
            {
                foreach ((string name, ulong value) in registers)
                {
                    output.WriteLine($"  {name,-10} {ConsoleFormat.Hex(value)}");
                }
            }
        }

        table.End();
    }
}

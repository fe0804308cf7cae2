using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc undo</c>: restores the bytes from before writes.</summary>
internal sealed class UndoCommand : TransactionCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The output of 'memproc write --json'; - is standard input",
    };

    public UndoCommand()
        : base("undo", "Restores the bytes from before writes, where the written bytes have not changed since.",
            "memproc write 1234 0x55d0c2a012a0 --text hello --json > done.jsonl",
            "memproc undo done.jsonl")
    {
        Arguments.Add(_file);
        AddCommonOptions();
    }

    protected override string? Validate(ParseResult parseResult) => MissingConfirmation(parseResult, parseResult.GetValue(_file));

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        if (Read(parseResult.GetValue(_file)!, Recreate, output) is not { } writes)
        {
            return;
        }

        foreach (IGrouping<(int Id, ulong StartTicks), MemoryWrite> group in
            writes.GroupBy(write => (write.ProcessId, write.ProcessStartTicks)))
        {
            // One process that fails does not stop the others.
            output.ReportErrors(() =>
            {
                using LinuxProcess process = LinuxProcess.Open(group.Key.Id, group.Key.StartTicks);
                MemoryTransaction transaction =
                    MemoryTransaction.PrepareUndo(process, [.. group], AllowsUserfault(parseResult), cancellation);
                Execute(parseResult, transaction, "restore", "Restored", output, cancellation);
            });
        }
    }

    private static MemoryWrite Recreate(JsonObjectReader fields) => MemoryWrite.Recreate(
        new ProcessIdentity(
            checked((int)fields.Number("processId")), fields.Text("processName"), fields.Number("processStartTicks")),
        fields.Number("address"), fields.Bytes("previousBytes"), fields.Bytes("bytes"),
        EnumNames.Parse<WriteMethod>(fields.Text("method")), fields.Text("path"));
}

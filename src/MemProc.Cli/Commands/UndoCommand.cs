using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc undo</c>: puts back what was there before writes.</summary>
internal sealed class UndoCommand : TransactionCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "What 'memproc write --json' printed; - is standard input",
    };

    public UndoCommand()
        : base("undo", "Puts back what was there before writes, if what was written is there still.",
            "memproc write 1234 0x55d0c2a012a0 --text hello --json > done.jsonl",
            "memproc undo done.jsonl")
    {
        Arguments.Add(_file);
        AddCommonOptions();
    }

    protected override string? Fault(ParseResult given) => NobodyToAsk(given, given.GetValue(_file));

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        if (Read(given.GetValue(_file)!, Recall, output) is not { } writes)
        {
            return;
        }

        foreach (IGrouping<(int Id, ulong StartTicks), MemoryWrite> group in
            writes.GroupBy(write => (write.ProcessId, write.ProcessStartTicks)))
        {
            try
            {
                using LinuxProcess process = LinuxProcess.Open(group.Key.Id, group.Key.StartTicks);
                CarryOut(given, MemoryTransaction.PrepareUndo(process, [.. group], cancellation), "put back", "Put back",
                    output, cancellation);
            }
            catch (MemProcException error)
            {
                // One process that fails does not stop the others.
                output.Fail(error.Message);
            }
        }
    }

    private static MemoryWrite Recall(JsonFields fields) => MemoryWrite.Recall(
        new ProcessIdentity(
            checked((int)fields.Number("processId")), fields.Text("processName"), fields.Number("processStartTicks")),
        fields.Number("address"), fields.Bytes("previousBytes"), fields.Bytes("bytes"),
        Words.Parse<WriteMethod>(fields.Text("method")), fields.Text("path"));
}

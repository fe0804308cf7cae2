using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Undo-ProcessMemoryWrite: restores the bytes from before writes.</summary>
[Cmdlet(VerbsCommon.Undo, "ProcessMemoryWrite", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = InputSet)]
[OutputType(typeof(MemoryWrite))]
public sealed class UndoProcessMemoryWriteCommand : MemProcCommand
{
    private const string InputSet = "InputObject";
    private const string LastSet = "Last";

    private readonly List<MemoryWrite> _writes = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = InputSet)]
    [ValidateNotNullOrEmpty]
    public PSObject[] InputObject { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = LastSet)]
    public SwitchParameter Last { get; set; }

    [Parameter(Position = 0, ParameterSetName = LastSet)]
    [ValidateRange(1, SessionWrites.MaxTransactions)]
    public int Count { get; set; } = 1;

    [Parameter]
    public SwitchParameter Stop { get; set; }

    [Parameter]
    public SwitchParameter Verify { get; set; }

    [Parameter]
    public SwitchParameter AllowUserfault { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void ProcessRecord()
    {
        foreach (PSObject item in InputObject)
        {
            try
            {
                _writes.Add(item.BaseObject as MemoryWrite ?? Recreate(new ArgumentProperties(item)));
            }
            catch (Exception error) when (error is FormatException or InvalidCastException or ArgumentException)
            {
                // The others are not undone either: what was written together is undone together.
                ThrowBadArgument(nameof(InputObject), $"The object is not a write that can be undone: {error.Message}", item);
            }
        }
    }

    protected override void EndProcessing()
    {
        if (Last)
        {
            UndoLast();
            return;
        }

        foreach (IGrouping<(int Id, ulong StartTicks), MemoryWrite> group in
            _writes.GroupBy(write => (write.ProcessId, write.ProcessStartTicks)))
        {
            // One process that fails does not stop the others.
            ReportErrors(() =>
            {
                LinuxProcess process = Processes.Open(group.Key.Id, group.Key.StartTicks);
                Undo(process, [.. group]);
            });
        }
    }

    /// <summary>
    /// Undoes the last transactions of this session, the newest first. One that fails leaves those before it to the same
    /// process as they are.
    /// </summary>
    private void UndoLast()
    {
        MemoryWrite[][] transactions = SessionWrites.Current.Last(Count);
        if (transactions.Length == 0)
        {
            WriteError(new MemProcException(Operation.RestoreMemory, Errno.ENOENT,
                "This session has no write that can be undone: Write-ProcessMemory has not written since it began, or all was "
                + "undone."));
        }

        HashSet<(int Id, ulong StartTicks)> failed = [];
        foreach (MemoryWrite[] transaction in transactions)
        {
            (int Id, ulong StartTicks) key = (transaction[0].ProcessId, transaction[0].ProcessStartTicks);
            bool isUndone = false;
            ReportErrors(() => isUndone = !failed.Contains(key) && Undo(Processes.Open(key.Id, key.StartTicks), transaction));
            if (!isUndone)
            {
                failed.Add(key);
            }
        }
    }

    private bool Undo(LinuxProcess process, MemoryWrite[] writes)
    {
        bool isUndone = Commit(MemoryTransaction.PrepareUndo(process, writes, AllowUserfault, Cancellation),
            Stop, Verify, PassThru).Count > 0;
        if (isUndone)
        {
            SessionWrites.Current.Remove(writes);
        }

        return isUndone;
    }

    /// <summary>Recreates a write that came back from a job, a remote host, XML or the JSON of <c>memproc write</c>.</summary>
    private static MemoryWrite Recreate(ArgumentProperties fields)
    {
        ProcessIdentity process = new(
            LanguagePrimitives.ConvertTo<int>(Needed("ProcessId")), $"{fields["ProcessName"]}",
            LanguagePrimitives.ConvertTo<ulong>(Needed("ProcessStartTicks")));
        object address = Needed("Address");
        string method = $"{Needed("Method")}".Replace("-", string.Empty, StringComparison.Ordinal);
        Needed("PreviousBytes");
        Needed("Bytes");
        return MemoryWrite.Recreate(process,
            address is string text ? NumberText.Parse(text) : LanguagePrimitives.ConvertTo<ulong>(address),
            fields.Bytes("PreviousBytes")!, fields.Bytes("Bytes")!, Enum.Parse<WriteMethod>(method, ignoreCase: true),
            $"{fields["Path"]}");

        object Needed(string name) => fields[name] ?? throw new FormatException($"It has no property {name}.");
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Undo-ProcessMemoryWrite: restores the bytes from before writes.</summary>
[Cmdlet(VerbsCommon.Undo, "ProcessMemoryWrite", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(MemoryWrite))]
public sealed class UndoProcessMemoryWriteCommand : MemProcCommand
{
    private readonly List<MemoryWrite> _writes = [];

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public PSObject[] InputObject { get; set; } = [];

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
        foreach (IGrouping<(int Id, ulong StartTicks), MemoryWrite> group in
            _writes.GroupBy(write => (write.ProcessId, write.ProcessStartTicks)))
        {
            // One process that fails does not stop the others.
            ReportErrors(() =>
            {
                LinuxProcess process = Processes.Open(group.Key.Id, group.Key.StartTicks);
                Commit(MemoryTransaction.PrepareUndo(process, [.. group], AllowUserfault, Cancellation),
                    Stop, Verify, PassThru);
            });
        }
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

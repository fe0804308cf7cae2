using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>Write-ProcessMemory: writes to the memory of a process.</summary>
[Cmdlet(VerbsCommunications.Write, "ProcessMemory", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = BytesSet)]
[OutputType(typeof(MemoryWrite))]
public sealed class WriteProcessMemoryCommand : ProcessCommand
{
    private const string BytesSet = "Bytes";
    private const string TextSet = "Text";
    private const string ValueSet = "Value";
    private const string ChangeSet = "Change";

    /// <summary>The writes that -Transaction collects, by process.</summary>
    private readonly Dictionary<LinuxProcess, List<UnresolvedWrite>> _collected = [];
    private byte[] _bytes = [];

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = BytesSet)]
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = TextSet)]
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = ValueSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    [ValidateCount(1, 1)]
    public AddressExpression[] Address { get; set; } = [];

    [Parameter(Mandatory = true, Position = 2, ParameterSetName = BytesSet)]
    [BytesTransformation]
    [ValidateNotNullOrEmpty]
    public byte[] Bytes { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = TextSet)]
    [ValidateNotNullOrEmpty]
    public string Text { get; set; } = string.Empty;

    [Parameter(ParameterSetName = TextSet)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = Encoding.UTF8;

    [Parameter(Mandatory = true, ParameterSetName = ValueSet)]
    [ValidateNotNullOrEmpty]
    public object[] Value { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = ValueSet)]
    public MemoryValueType Type { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ChangeSet)]
    [ChangeTransformation]
    [ValidateNotNullOrEmpty]
    public UnresolvedWrite[] Change { get; set; } = [];

    [Parameter(ParameterSetName = BytesSet)]
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = ValueSet)]
    [BytesTransformation]
    [ValidateNotNullOrEmpty]
    public byte[]? Expected { get; set; }

    [Parameter(ParameterSetName = BytesSet)]
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = ValueSet)]
    public SwitchParameter Transaction { get; set; }

    [Parameter]
    public SwitchParameter Stop { get; set; }

    [Parameter]
    public SwitchParameter Verify { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter AllowUserfault { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void BeginProcessing()
    {
        try
        {
            _bytes = ParameterSetName switch
            {
                TextSet => Encoding.GetBytes(Text),
                ValueSet => InputValues.Encode(Value, Type),
                _ => Bytes,
            };
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidCastException)
        {
            ThrowBadArgument(nameof(Value), error.Message + InputValues.OverflowHint(error), Value);
        }
    }

    protected override void Process(LinuxProcess process)
    {
        if (!Transaction)
        {
            Write(process, ParameterSetName == ChangeSet ? [.. Change.Select(change => change with { Force = Force })]
                : [OneChange()]);
            return;
        }

        Processes.Keep(process);
        if (!_collected.TryGetValue(process, out List<UnresolvedWrite>? changes))
        {
            _collected[process] = changes = [];
        }

        changes.Add(OneChange());
    }

    protected override void EndProcessing()
    {
        foreach ((LinuxProcess process, List<UnresolvedWrite> changes) in _collected)
        {
            // One process that fails does not stop the others.
            ReportErrors(() =>
            {
                OpenProcesses.ThrowIfGone(process);
                Write(process, changes);
            });
        }
    }

    private UnresolvedWrite OneChange() => new(Address[0], _bytes, Expected, Force)
    {
        Type = ParameterSetName == ValueSet ? Type : null,
    };

    private void Write(LinuxProcess process, IReadOnlyList<UnresolvedWrite> changes) => SessionWrites.Current.Add(Commit(
        MemoryTransaction.Prepare(
            process, UnresolvedWrite.Resolve(process, changes, Cancellation), AllowUserfault, Cancellation),
        Stop, Verify, PassThru));
}

using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>Write-ProcessMemory: changes bytes of a process.</summary>
[Cmdlet(VerbsCommunications.Write, "ProcessMemory", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = BytesSet)]
[OutputType(typeof(MemoryWrite))]
public sealed class WriteProcessMemoryCommand : ProcessCommand
{
    private const string BytesSet = "Bytes";
    private const string TextSet = "Text";
    private const string ValueSet = "Value";

    private byte[] _bytes = [];

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    [ValidateCount(1, 1)]
    public ProcAddress[] Address { get; set; } = [];

    [Parameter(Mandatory = true, Position = 2, ParameterSetName = BytesSet)]
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

    [Parameter]
    [ValidateNotNullOrEmpty]
    public byte[]? Expected { get; set; }

    [Parameter]
    public SwitchParameter Verify { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    [Parameter]
    public SwitchParameter PassThru { get; set; }

    protected override void BeginProcessing()
    {
        try
        {
            _bytes = ParameterSetName switch
            {
                TextSet => Encoding.GetBytes(Text),
                ValueSet => [.. Value.SelectMany(value => MemoryValue.Encode(Unwrap(value), Type))],
                _ => Bytes,
            };
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidCastException)
        {
            string hint = error is OverflowException
                ? " A 0x literal with its highest bit set arrives as a negative number: put it in quotes."
                : string.Empty;
            ThrowTerminatingError(Failure.BadArgument(nameof(Value), error.Message + hint, Value));
        }
    }

    protected override void Process(LinuxProcess process)
    {
        MemoryWriter writer = new(process, Cancellation);
        MemoryWriter.Plan plan = writer.Prepare(Address[0].Resolve(process), _bytes, Expected, Force);
        string action = $"Write {plan.Place}: {plan.Change}";
        if (ShouldProcess(action, $"{action}. Go on?", "Write-ProcessMemory"))
        {
            MemoryWrite write = writer.Write(plan, Verify);
            if (PassThru)
            {
                WriteObject(write);
            }
        }
    }

    private static object Unwrap(object value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Resolve-ProcAddress: gets the file, symbol, section and page at addresses.</summary>
[Cmdlet(VerbsDiagnostic.Resolve, "ProcAddress")]
[OutputType(typeof(ResolvedAddress))]
public sealed class ResolveProcAddressCommand : ProcessCommand
{
    private Symbolizer? _resolver;
    private LinuxProcess? _resolved;
    private FrameTables? _frames;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public AddressExpression[] Address { get; set; } = [];

    [Parameter]
    public SwitchParameter WithFlags { get; set; }

    protected override void BeginProcessing() =>
        _frames = WithFlags ? DisposeAtEnd(ThrowOnError(() => new FrameTables(FrameAttributes.Flags))) : null;

    /// <summary>Numbers and texts of the pipeline are addresses; what is an object as a whole is checked.</summary>
    protected override void ProcessRecord()
    {
        if (InputObject?.BaseObject is string or AddressExpression or ValueType)
        {
            ProcessInput();
        }
        else
        {
            base.ProcessRecord();
        }
    }

    protected override void Process(LinuxProcess process)
    {
        if (_resolver is null || !ReferenceEquals(_resolved, process))
        {
            _resolver?.Dispose();
            _resolver = new Symbolizer(process, _frames, Cancellation) { Warn = WriteWarning };
            _resolved = process;
        }

        WriteEach(_resolver.Resolve(Address, WriteError));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _resolver?.Dispose();
        }

        base.Dispose(disposing);
    }
}

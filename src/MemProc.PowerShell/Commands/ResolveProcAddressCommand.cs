using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Resolve-ProcAddress: gets the file, symbol, section and page at addresses.</summary>
[Cmdlet(VerbsDiagnostic.Resolve, "ProcAddress")]
[OutputType(typeof(ResolvedAddress))]
public sealed class ResolveProcAddressCommand : ProcessCommand<MemoryTarget>
{
    /// <summary>Addresses of the pipeline that are resolved at a time: for each time the mappings are read again.</summary>
    private const int MaxWaiting = 4 * Symbolizer.BatchAddresses;

    private readonly PipelineBatch<AddressExpression> _waiting;
    private Symbolizer? _resolver;
    private MemoryTarget? _resolved;
    private FrameTables? _frames;
    private bool _isAddressGiven;

    public ResolveProcAddressCommand() => _waiting = Gather<AddressExpression>(
        addresses => WriteEach(_resolver!.Resolve(addresses, WriteError)), MaxWaiting);

    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public AddressExpression[] Address { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter]
    public SwitchParameter WithFlags { get; set; }

    protected override void BeginProcessing()
    {
        // Only the command line is bound here.
        _isAddressGiven = MyInvocation.BoundParameters.ContainsKey(nameof(Address));
        _frames = WithFlags ? DisposeAtEnd(ThrowOnError(() => new FrameTables(FrameAttributes.Flags))) : null;
    }

    /// <summary>An address from the pipeline needs no object that is about a process.</summary>
    protected override void ProcessRecord()
    {
        if (_isAddressGiven)
        {
            base.ProcessRecord();
        }
        else
        {
            ProcessInput();
        }
    }

    protected override void Process(MemoryTarget process)
    {
        if (_resolver is null || !ReferenceEquals(_resolved, process))
        {
            _waiting.Flush();
            _resolver?.Dispose();
            _resolver = new Symbolizer(process, _frames, Cancellation) { Warn = WriteWarning };
            _resolved = process;
        }

        if (Address.Length == 1)
        {
            _waiting.Add(Address[0]);
        }
        else
        {
            // A list has nothing to wait for.
            _waiting.Flush();
            WriteEach(_resolver.Resolve(Address, WriteError));
        }
    }

    protected override void EndProcessing() => _waiting.Flush();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _resolver?.Dispose();
        }

        base.Dispose(disposing);
    }
}

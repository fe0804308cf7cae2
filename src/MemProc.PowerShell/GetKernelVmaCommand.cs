using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-KernelVma: the vm_area_structs of processes.</summary>
[Cmdlet(VerbsCommon.Get, "KernelVma")]
[OutputType(typeof(KernelVma))]
public sealed class GetKernelVmaCommand : ProcessCommand
{
    private KernelVmaReader? _reader;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[]? Address { get; set; }

    [Parameter]
    public KernelReadSource Source { get; set; }

    protected override void BeginProcessing() => _reader = new KernelVmaReader(Source, cancellation: Cancellation);

    protected override void Process(LinuxProcess process)
    {
        if (Address is null)
        {
            WriteObject(_reader!.Read(process), enumerateCollection: true);
            return;
        }

        using AddressResolution resolution = new(process, Cancellation);
        foreach (ProcAddress address in Address)
        {
            // One bad address does not stop the others.
            Attempt(() => WriteObject(_reader!.Read(process, resolution.Resolve(address))));
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _reader?.Dispose();
        }

        base.Dispose(disposing);
    }
}

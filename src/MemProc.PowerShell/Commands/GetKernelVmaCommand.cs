using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-KernelVma: gets the vm_area_structs of processes.</summary>
[Cmdlet(VerbsCommon.Get, "KernelVma")]
[OutputType(typeof(KernelVma))]
public sealed class GetKernelVmaCommand : AddressCommand
{
    private KernelVmaReader? _reader;

    [Parameter]
    public KernelReadSource Source { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _reader = DisposeAtEnd(new KernelVmaReader(Source, cancellation: Cancellation));
    }

    private protected override void ProcessWhole(LinuxProcess process) =>
        // Not as one list: PowerShell would pass all of it on after Ctrl-C.
        WriteEach(_reader!.Read(process));

    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length) =>
        WriteObject(_reader!.Read(process, address));
}

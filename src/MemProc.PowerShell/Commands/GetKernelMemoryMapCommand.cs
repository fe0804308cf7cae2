using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-KernelMemoryMap: gets the mm_structs of processes.</summary>
[Cmdlet(VerbsCommon.Get, "KernelMemoryMap")]
[OutputType(typeof(KernelMemoryMap))]
public sealed class GetKernelMemoryMapCommand : ProcessCommand
{
    private KernelMemoryMapReader? _reader;

    [Parameter]
    public KernelReadSource Source { get; set; }

    protected override void BeginProcessing() =>
        _reader = DisposeAtEnd(new KernelMemoryMapReader(Source));

    protected override void Process(LinuxProcess process) => WriteObject(_reader!.Read(process));
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-KernelLayout: gets where the kernel keeps things in memory, and the constants of its page tables.</summary>
[Cmdlet(VerbsCommon.Get, "KernelLayout")]
[OutputType(typeof(KernelLayout))]
public sealed class GetKernelLayoutCommand : MemProcCommand
{
    [Parameter]
    public KernelReadSource Source { get; set; }

    protected override void ProcessRecord()
    {
        using KernelLayoutReader reader = new(Source);
        WriteObject(ThrowOnError(reader.Read));
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcessCore: gets what core files are of: process, signal, threads, files, and what is missing.</summary>
[Cmdlet(VerbsCommon.Get, "ProcessCore")]
[OutputType(typeof(ProcessCore))]
public sealed class GetProcessCoreCommand : MemProcCommand
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("FullName", "PSPath")]
    [ValidateNotNullOrEmpty]
    public string[] CorePath { get; set; } = [];

    protected override void ProcessRecord()
    {
        foreach (string path in CorePath)
        {
            ReportErrors(() => WriteObject(ProcessCoreReader.Read(OpenCore(path), WriteWarning, Cancellation)));
        }
    }
}

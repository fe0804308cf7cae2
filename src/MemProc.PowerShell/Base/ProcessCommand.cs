using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets about processes, by id, by name or from the pipeline.</summary>
public abstract class ProcessCommand : MemProcCommand
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("PID", "ProcessId")]
    [ProcessIdTransformation(hasName: true)]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[]? Id { get; set; }

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    /// <summary>The start time that the module's objects carry, so that a reused process id is noticed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    public ulong? ProcessStartTicks { get; set; }

    /// <summary>The object of the pipeline as a whole, where it is about a process.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true)]
    [ProcessObject]
    public PSObject? InputObject { get; set; }

    /// <summary>The work on one process.</summary>
    protected abstract void Process(LinuxProcess process);

    protected override void ProcessRecord()
    {
        if (PipelineInput.Accepts(this, InputObject, IsTargetKnown))
        {
            ProcessInput();
        }
    }

    /// <summary>The process is known, or what else says where the work is.</summary>
    private protected virtual bool IsTargetKnown => Id is not null || Name is not null;

    /// <summary>The work on what the parameters and the pipeline give.</summary>
    private protected virtual void ProcessInput()
    {
        foreach (int id in ProcessNames.Select(this, Id, Name) ?? [Environment.ProcessId])
        {
            ReportErrors(() =>
            {
                LinuxProcess process = Processes.Open(id, ProcessStartTicks);
                if (process.IsKernelThread && MyInvocation.ExpectingInput)
                {
                    WriteVerbose($"Process {process.Identity} is a kernel thread: it has no memory of its own.");
                    return;
                }

                Process(process);
            });
        }
    }
}

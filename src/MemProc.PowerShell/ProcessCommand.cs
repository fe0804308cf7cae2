using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// A cmdlet about processes: which ones, and that each is opened once, however many objects of it come down the
/// pipeline.
/// </summary>
public abstract class ProcessCommand : MemProcCommand
{
    private LinuxProcess? _process;
    private ulong? _expectedStartTicks;

    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("PID", "ProcessId")]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[]? Id { get; set; }

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    public string[]? Name { get; set; }

    /// <summary>Carried by this module's objects, so that a process id that was used again is noticed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    public ulong? ProcessStartTicks { get; set; }

    /// <summary>The work on one process.</summary>
    protected abstract void Process(LinuxProcess process);

    protected override void ProcessRecord()
    {
        if (Name is not null && Id is not null)
        {
            ThrowTerminatingError(Failure.BadArgument(nameof(Name), "Give -Id or -Name, not both.", Name));
        }

        foreach (int id in Name is null ? Id ?? [Environment.ProcessId] : ProcessNames.Resolve(this, Name))
        {
            Attempt(() =>
            {
                LinuxProcess process = Open(id);
                if (process.IsKernelThread && MyInvocation.ExpectingInput)
                {
                    WriteVerbose($"Process {process.Identity} is a kernel thread: it has no memory of its own.");
                    return;
                }

                Process(process);
            });
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _process?.Dispose();
        }

        base.Dispose(disposing);
    }

    private LinuxProcess Open(int id)
    {
        if (_process is null || _process.Id != id || ProcessStartTicks != _expectedStartTicks)
        {
            _process?.Dispose();
            _process = null;
            _process = LinuxProcess.Open(id, ProcessStartTicks);
            _expectedStartTicks = ProcessStartTicks;
        }

        return _process;
    }
}

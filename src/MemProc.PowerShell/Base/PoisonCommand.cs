using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// The base of the cmdlets that poison and unpoison pages. There is no default process: nothing here may happen to the
/// current pwsh because an argument was forgotten.
/// </summary>
public abstract class PoisonCommand : MemProcCommand
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("PID", "ProcessId")]
    [ProcessIdTransformation(hasName: false)]
    [ValidateNotNullOrEmpty]
    [ValidateCount(1, 1)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public ProcessSelector[]? Id { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>The start time that the module's objects carry, so that a reused process id is noticed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    public ulong? ProcessStartTicks { get; set; }

    /// <summary>The core that an object comes from, which is refused.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    [AllowNull]
    public string[]? CorePath { get; set; }

    /// <summary>The object of the pipeline as a whole, where it is about a process.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true)]
    [ProcessObject]
    public PSObject? InputObject { get; set; }

    /// <summary>Whether frames are given, which need no process.</summary>
    private protected abstract bool HasFrames { get; }

    /// <summary>Opens the kernel's interface.</summary>
    protected abstract void Open();

    /// <summary>The work.</summary>
    /// <param name="process">The process; null where none is given, or -Force is given and it has exited.</param>
    protected abstract void Process(LinuxProcess? process);

    protected override void BeginProcessing() => ThrowOnError(Open);

    protected override void ProcessRecord()
    {
        RefuseEmptyCore(CorePath);
        if (HasFrames || PipelineInput.Accepts(this, InputObject, Id is not null))
        {
            ReportErrors(() => Process(PipelineInput.HasCore(CorePath) ? throw NotLive(CorePath[0]) : Find()));
        }
    }

    /// <summary>Returns the frames that -Pfn gives. A range is refused: as a typing error it would cost memory.</summary>
    /// <param name="ranges">The value of -Pfn.</param>
    /// <param name="advice">What to specify where a frame is required; null where none is.</param>
    protected ulong[] Frames(PfnRange[] ranges, string? advice)
    {
        // A page without a frame can come from the pipeline; on the command line the frame was forgotten.
        string? fault = Array.Exists(ranges, range => range.Count > 1) ? "Specify each frame by itself, not as a range."
            : ranges.Length == 0 && !MyInvocation.ExpectingInput ? advice
            : null;
        if (fault is not null)
        {
            ThrowBadArgument("Pfn", fault, ranges);
        }

        return Array.ConvertAll(ranges, range => range.First);
    }

    private LinuxProcess? Find()
    {
        try
        {
            return Id is [{ } process] ? Processes.Open(process.Id!.Value, process.StartTicks ?? ProcessStartTicks) : null;
        }
        catch (MemProcException error) when (Force && error.Errno == Errno.ESRCH)
        {
            // A process with a poisoned page seldom lives long; its frame can still be unpoisoned.
            WriteVerbose(error.Message);
            return null;
        }
    }
}

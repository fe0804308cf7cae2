using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>
/// What poisoning and giving back have in common: one process whose page it must be, and no default. Nothing here may
/// happen to the current pwsh because an argument was forgotten.
/// </summary>
public abstract class PoisonCommand : MemProcCommand
{
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("PID", "ProcessId")]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int? Id { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Carried by this module's objects, so that a process id that was used again is noticed.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    public ulong? ProcessStartTicks { get; set; }

    /// <summary>Opens what the kernel has for it.</summary>
    protected abstract void Open();

    /// <summary>The work.</summary>
    /// <param name="process">The process that was given; null where none was, or a forced call found it ended.</param>
    protected abstract void Process(LinuxProcess? process);

    protected override void BeginProcessing() => Require(Open);

    protected override void ProcessRecord() => Attempt(() =>
    {
        using LinuxProcess? process = Find();
        Process(process);
    });

    /// <summary>The frames that were given, each by its number: a range is a slip of the pen that costs memory.</summary>
    /// <param name="given">What was given.</param>
    /// <param name="advice">What to give where one is needed; null where none is.</param>
    protected ulong[] Frames(PfnRange[] given, string? advice)
    {
        // A page without a frame from the pipeline has none to name; on the command line one was forgotten.
        string? fault = Array.Exists(given, range => range.Count > 1) ? "Give each frame by itself, not a range."
            : given.Length == 0 && !MyInvocation.ExpectingInput ? advice
            : null;
        if (fault is not null)
        {
            ThrowTerminatingError(Failure.BadArgument("Pfn", fault, given));
        }

        return Array.ConvertAll(given, range => range.First);
    }

    private LinuxProcess? Find()
    {
        try
        {
            return Id is int id ? LinuxProcess.Open(id, ProcessStartTicks) : null;
        }
        catch (MemProcException error) when (Force && error.Errno == Errno.ESRCH)
        {
            // A poisoned process seldom lives long: its frame can still be given back.
            WriteVerbose(error.Message);
            return null;
        }
    }
}

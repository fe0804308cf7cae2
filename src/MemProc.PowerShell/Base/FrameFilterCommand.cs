using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets that select pages of processes and cores by the flags and the cgroup of their frames.</summary>
public abstract class FrameFilterCommand : AddressCommand<MemoryTarget>
{
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Flag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? AnyFlag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? NotFlag { get; set; }

    [Parameter]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNull]
    public string[]? ExactFlag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(CgroupCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Cgroup { get; set; }

    /// <summary>Checks the names of flags. A fault in them ends the cmdlet.</summary>
    private protected void CheckFlags() => CreateFrameFilter(this, Flag, AnyFlag, NotFlag, ExactFlag, cgroup: null);

    /// <summary>Creates the filter for processes, or for a core. A fault in it ends the cmdlet, except for a core.</summary>
    /// <param name="core">The core; null: processes of this machine.</param>
    private protected FrameFilter CreateFrameFilter(CoreFile? core) => core is null
        ? CreateFrameFilter(this, Flag, AnyFlag, NotFlag, ExactFlag, Cgroup)
        : FrameFilter.Create(Flag, AnyFlag, NotFlag, ExactFlag, Cgroup, core);

    /// <summary>Creates the filter that a cmdlet's parameters of these names make. A fault in them ends the cmdlet.</summary>
    internal static FrameFilter CreateFrameFilter(
        MemProcCommand cmdlet, string[]? flag, string[]? anyFlag, string[]? notFlag, string[]? exactFlag, string? cgroup)
    {
        try
        {
            return cmdlet.ThrowOnError(() => FrameFilter.Create(flag, anyFlag, notFlag, exactFlag, cgroup));
        }
        catch (ArgumentException error)
        {
            cmdlet.ThrowBadArgument(nameof(Flag), error.Message, null);
            throw;
        }
    }
}

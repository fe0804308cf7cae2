using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets that select pages of processes by the flags and the cgroup of their frames.</summary>
public abstract class FrameFilterCommand : AddressCommand
{
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

    /// <summary>Creates the filter that the parameters make. A fault in them ends the cmdlet.</summary>
    private protected FrameFilter CreateFrameFilter() => CreateFrameFilter(this, Flag, AnyFlag, NotFlag, ExactFlag, Cgroup);

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

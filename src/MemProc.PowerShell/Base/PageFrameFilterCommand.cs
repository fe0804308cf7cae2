using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets that select page frames by what they are used for and whom they belong to.</summary>
public abstract class PageFrameFilterCommand : MemProcCommand
{
    [Parameter]
    public PageFrameKind[]? Kind { get; set; }

    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Path { get; set; }

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(SlabCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Slab { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(CgroupCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Cgroup { get; set; }

    [Parameter]
    public KernelReadSource Source { get; set; }

    /// <summary>Creates the filter that the parameters make; null where there are none. A fault in them ends the cmdlet.</summary>
    private protected PageFrameFilter? CreateFilter() => ThrowOnError(() => PageFrameFilter.Create(
        Kind, Path is null ? null : Wildcard.Paths(Path), Wildcard.Symbols(Slab), Cgroup));
}

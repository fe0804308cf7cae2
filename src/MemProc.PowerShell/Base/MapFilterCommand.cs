using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets that select mappings of live processes by path, permissions and kind.</summary>
public abstract class MapFilterCommand : MapFilterCommand<LinuxProcess>
{
}

/// <summary>The base of cmdlets that select mappings by path, permissions and kind.</summary>
/// <inheritdoc cref="ProcessCommand{T}" path="/typeparam"/>
public abstract class MapFilterCommand<T> : AddressCommand<T>
    where T : MemoryTarget
{
    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MapPathCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Path { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PermissionCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Permission { get; set; }

    [Parameter]
    public ProcMapKind[]? Kind { get; set; }

    /// <summary>The filter that the parameters make. Known from BeginProcessing on.</summary>
    private protected MapFilter Filter { get; private set; } = new();

    protected override void BeginProcessing()
    {
        try
        {
            Filter = new MapFilter
            {
                Path = Path is null ? null : Wildcard.Paths(Path),
                Permissions = Permission ?? [],
                Kinds = Kind ?? [],
            };
        }
        catch (ArgumentException error)
        {
            ThrowBadArgument(nameof(Permission), error.Message, Permission);
        }
    }
}

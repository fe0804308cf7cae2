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

    private PathPatterns? _paths;

    /// <summary>The filter that the parameters make. Known from BeginProcessing on.</summary>
    private protected MapFilter Filter { get; private set; } = new();

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        try
        {
            _paths = Path is null ? null : new PathPatterns(Path);
            Filter = CreateFilter(_paths);
        }
        catch (ArgumentException error)
        {
            ThrowBadArgument(nameof(Permission), error.Message, Permission);
        }
    }

    protected override void Process(T process)
    {
        base.Process(process);
        if (Address is null && !IsStoppedEarly)
        {
            _paths?.Complete();
        }
    }

    protected override void EndProcessing() => _paths?.WriteUnmatched(this);

    /// <summary>The work ended before all mappings were looked at, since enough was found.</summary>
    private protected virtual bool IsStoppedEarly => false;

    private protected virtual MapFilter CreateFilter(PathPatterns? paths) => new()
    {
        Path = paths is null ? null : paths.Matches,
        Permissions = Permission ?? [],
        Kinds = Kind ?? [],
    };
}

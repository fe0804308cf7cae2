using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>A cmdlet that goes through the memory of processes, all of it or what filters leave.</summary>
public abstract class MemoryRangeCommand : ProcessCommand
{
    private SearchRange _range = SearchRange.All;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[]? Address { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MapPathCompleter))]
    public string[]? Path { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PermissionCompleter))]
    public string[]? Permission { get; set; }

    [Parameter]
    public ProcMapKind[]? Kind { get; set; }

    [Parameter]
    public SwitchParameter IncludeNotResident { get; set; }

    [Parameter]
    public ReadMethod Method { get; set; }

    protected override void BeginProcessing()
    {
        if (Id is null && Name is null && !MyInvocation.ExpectingInput)
        {
            ThrowTerminatingError(Failure.BadArgument(nameof(Id),
                "Which process? Give -Id or -Name, or pipe processes or mappings.", null));
        }

        _range = new SearchRange
        {
            Filter = Arguments.Maps(this, Path, Permission, Kind),
            IncludeNotResident = IncludeNotResident,
            Method = Method,
        };
    }

    /// <summary>The work on one range of a process.</summary>
    private protected abstract void Process(LinuxProcess process, SearchRange range);

    protected override void Process(LinuxProcess process)
    {
        if (Address is null)
        {
            if (Length is not null)
            {
                ThrowTerminatingError(Failure.BadArgument(
                    nameof(Address), "-Length begins at an address: give -Address.", null));
            }

            Process(process, _range);
            return;
        }

        using AddressResolution resolution = new(process, Cancellation);
        foreach (ProcAddress address in Address)
        {
            // One bad address does not stop the others.
            Attempt(() => Process(process, _range.From(resolution.Resolve(address), Length ?? address.Length)));
        }
    }

    /// <summary>Says what was left out: aloud where something may be missed, else to who asks.</summary>
    private protected void TellSkips(LinuxProcess process, ulong searchedBytes, SearchSkips skips)
    {
        string rest = skips.IsNone ? string.Empty : $"; left out: {skips}";
        WriteVerbose($"Process {process.Identity}: {HumanSize.Format(searchedBytes)} searched{rest}.");
        if (skips.FailedBytes > 0)
        {
            WriteWarning($"Process {process.Identity}: {HumanSize.Format(skips.FailedBytes)} could not be read and were "
                + "not searched: the kernel refused them, or they were unmapped meanwhile.");
        }

        if (skips.NotResidentBytes > 0 && MemoryStatusReader.Read(process).VmSwapBytes is > 0 and ulong swapped)
        {
            WriteWarning($"Process {process.Identity} has {HumanSize.Format(swapped)} in swap, which were not searched. "
                + "-IncludeNotResident lets them in.");
        }
    }
}

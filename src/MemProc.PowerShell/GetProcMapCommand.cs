using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcMap: the mappings of processes.</summary>
[Cmdlet(VerbsCommon.Get, "ProcMap")]
[OutputType(typeof(ProcMap), typeof(ProcMapDetail))]
public sealed class GetProcMapCommand : ProcessCommand
{
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[]? Address { get; set; }

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
    public SwitchParameter Detailed { get; set; }

    private MapFilter _filter = new();

    protected override void BeginProcessing() => _filter = Arguments.Maps(this, Path, Permission, Kind);

    protected override void Process(LinuxProcess process)
    {
        if (Address is null)
        {
            Write(process, null);
            return;
        }

        using AddressResolution resolution = new(process, Cancellation);
        foreach (ProcAddress address in Address)
        {
            // One bad address does not stop the others.
            Attempt(() => Write(process, resolution.Resolve(address)));
        }
    }

    private void Write(LinuxProcess process, ulong? address)
    {
        foreach (ProcMap map in MapSelection.Read(process, address, Detailed, _filter, Cancellation))
        {
            WriteObject(map);
        }
    }
}

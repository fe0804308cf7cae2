using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-ProcMap: gets the mappings of processes.</summary>
[Cmdlet(VerbsCommon.Get, "ProcMap")]
[OutputType(typeof(ProcMap), typeof(ProcMapDetail), typeof(ProcMapNuma))]
public sealed class GetProcMapCommand : MapFilterCommand<MemoryTarget>
{
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter]
    public SwitchParameter Next { get; set; }

    [Parameter]
    public SwitchParameter Deleted { get; set; }

    [Parameter]
    [Alias("WX")]
    public SwitchParameter WritableExecutable { get; set; }

    [Parameter]
    public SwitchParameter Detailed { get; set; }

    [Parameter]
    public SwitchParameter Numa { get; set; }

    protected override void BeginProcessing()
    {
        if (Detailed && Numa)
        {
            ThrowBadArgument(nameof(Numa), "-Numa cannot be combined with -Detailed.", true);
        }

        base.BeginProcessing();
    }

    /// <summary>Of an object with an address, the mapping of that address is meant, whatever its length.</summary>
    private protected override string? LengthParameter => Next ? nameof(Next) : null;

    private protected override MapFilter CreateFilter(PathPatterns? paths) => new()
    {
        Path = paths is null ? null : paths.Matches,
        Permissions = Permission ?? [],
        Kinds = Kind ?? [],
        IsDeleted = Deleted,
        IsWritableExecutable = WritableExecutable,
    };

    private protected override void ProcessWhole(MemoryTarget process) => Write(process, null);

    private protected override bool TakesVsyscall => true;

    private protected override void ProcessAddress(MemoryTarget process, ulong address, ulong? length) =>
        Write(process, Next ? MapReader.FindNext(process, address, Cancellation).Start : address);

    private void Write(MemoryTarget process, ulong? address) =>
        WriteEach(Numa
            ? MapSelection.ReadNuma(
                process as LinuxProcess ?? throw NotLive(process.CorePath!), address, Filter, Cancellation)
            : MapSelection.Read(process, address, Detailed, Filter, Cancellation));
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Compare-ProcessImage: finds where mapped code and read-only data differ from their files.</summary>
[Cmdlet(VerbsData.Compare, "ProcessImage")]
[OutputType(typeof(ImageDifference))]
public sealed class CompareProcessImageCommand : ProcessCommand<MemoryTarget>
{
    private readonly HashSet<(int Id, ulong StartTicks, string? Core)> _seen = [];
    private MapFilter _filter = new();

    [Parameter(Position = 1)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MapPathCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Path { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter]
    public SwitchParameter Unexplained { get; set; }

    protected override void BeginProcessing() => _filter = new MapFilter { Path = Path is null ? null : Wildcard.Paths(Path) };

    protected override void Process(MemoryTarget process)
    {
        // The pipeline brings several objects of one process where they are mappings.
        if (!_seen.Add((process.Id, process.Identity.StartTicks, process.CorePath)))
        {
            return;
        }

        ImageComparer comparer = new(process, Cancellation) { Warn = WriteWarning, UnexplainedOnly = Unexplained };
        WriteEach(comparer.Compare(_filter));
        WriteVerbose($"Process {process.Identity}: compared {HumanSize.Format(comparer.ComparedBytes)} that may differ.");
    }
}

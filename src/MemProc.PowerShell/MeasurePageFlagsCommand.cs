using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Measure-PageFlags: how many pages have which flags.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "PageFlags", DefaultParameterSetName = ProcessSet)]
[OutputType(typeof(PageFlagsSummary))]
public sealed class MeasurePageFlagsCommand : ProcessCommand
{
    private const string ProcessSet = "Process";
    private const string FrameSet = "Frame";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private FrameTables? _tables;
    private FrameFilter _filter = new();
    private FrameCount? _count;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = FrameSet)]
    [PfnTransformation]
    public PfnRange[] Pfn { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = PathSet)]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet)]
    public string[] LiteralPath { get; set; } = [];

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    public string[]? Flag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    public string[]? AnyFlag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    public string[]? NotFlag { get; set; }

    [Parameter]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    public string[]? ExactFlag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(CgroupCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Cgroup { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    /// <summary>Without a process, and without a pipeline that could bring some, the whole machine is meant.</summary>
    private bool IsWholeMachine => ParameterSetName == ProcessSet && Id is null && Name is null && Address is null
        && !MyInvocation.ExpectingInput;

    protected override void BeginProcessing()
    {
        _filter = new FrameFilter
        {
            Flags = Arguments.Flags(this, Flag, AnyFlag, NotFlag, ExactFlag),
            CgroupInode = Arguments.Cgroup(this, Cgroup),
        };
        _tables = Require(() => new FrameTables(FrameFields.Flags | _filter.RequiredFields));
        _count = new FrameCount(_tables, Raw, new PageFilter { Frame = _filter }, Cancellation);
    }

    protected override void ProcessRecord()
    {
        if (ParameterSetName == FrameSet)
        {
            foreach (PfnRange range in Pfn)
            {
                Attempt(() => _count!.AddRange(range.First, range.First + range.Count));
            }
        }
        else if (ParameterSetName is PathSet or LiteralPathSet)
        {
            using FilePageWalk walk = new(withFlags: true, cancellation: Cancellation);
            foreach (string path in Files())
            {
                Attempt(() => walk.Count(path, _filter, _count!.Counts));
            }
        }
        else if (IsWholeMachine)
        {
            Attempt(() => _count!.AddRange(0, ulong.MaxValue));
        }
        else
        {
            base.ProcessRecord();
        }
    }

    protected override void Process(LinuxProcess process)
    {
        if (Address is null)
        {
            _count!.AddProcess(process);
            return;
        }

        using AddressResolution resolution = new(process, Cancellation);
        foreach (ProcAddress address in Address)
        {
            Attempt(() => _count!.AddProcess(
                process, resolution.Resolve(address), Length ?? address.Length ?? MachinePage.SizeBytes));
        }
    }

    private IEnumerable<string> Files() => ParameterSetName == PathSet
        ? Path.SelectMany(path => GetResolvedProviderPathFromPSPath(path, out _))
        : LiteralPath.Select(GetUnresolvedProviderPathFromPSPath);

    protected override void EndProcessing() => WriteObject(_count!.Counts.Summaries, enumerateCollection: true);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _tables?.Dispose();
        }

        base.Dispose(disposing);
    }
}

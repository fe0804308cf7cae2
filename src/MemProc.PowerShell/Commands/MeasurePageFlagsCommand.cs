using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Measure-PageFlags: counts pages by their flags.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "PageFlags", DefaultParameterSetName = ProcessSet)]
[OutputType(typeof(PageFlagsSummary))]
public sealed class MeasurePageFlagsCommand : FrameFilterCommand
{
    private const string ProcessSet = "Process";
    private const string FrameSet = "Frame";
    private const string PhysicalSet = "PhysicalAddress";
    private const string PathSet = "Path";
    private const string LiteralPathSet = "LiteralPath";

    private FrameFilter _filter = new();
    private FlagTallyBuilder? _count;
    private FilePageWalk? _files;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = FrameSet)]
    [PfnTransformation]
    public PfnRange[] Pfn { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = PhysicalSet)]
    [PhysicalFrameTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public PfnRange[] PhysicalAddress { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = PathSet)]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet)]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>A file of the pipeline. Its Length would otherwise be taken for a length of memory.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true)]
    public FileSystemInfo? File { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    /// <summary>The whole machine is counted, unless a process is given or the pipeline can bring some.</summary>
    private bool IsWholeMachine => ParameterSetName == ProcessSet && Id is null && Name is null && Address is null
        && !MyInvocation.ExpectingInput;

    protected override void BeginProcessing()
    {
        _filter = CreateFrameFilter();
        FrameTables tables = DisposeAtEnd(ThrowOnError(() => new FrameTables(FrameAttributes.Flags | _filter.RequiredFields)));
        _count = new FlagTallyBuilder(tables, Raw, new PageFilter { Frame = _filter }, Cancellation);
    }

    protected override void ProcessRecord()
    {
        if (File is not null)
        {
            ReportErrors(() => CountFile(File.FullName));
            return;
        }

        base.ProcessRecord();
    }

    private protected override void ProcessInput()
    {
        if (ParameterSetName is FrameSet or PhysicalSet)
        {
            foreach (PfnRange range in ParameterSetName == PhysicalSet ? PhysicalAddress : Pfn)
            {
                ReportErrors(() => _count!.AddRange(range));
            }
        }
        else if (ParameterSetName is PathSet or LiteralPathSet)
        {
            foreach ((string path, _) in FilePaths.Resolve(this, Path, LiteralPath, ParameterSetName == LiteralPathSet))
            {
                ReportErrors(() => CountFile(path));
            }
        }
        else if (IsWholeMachine)
        {
            ReportErrors(() => _count!.AddMachine());
        }
        else
        {
            base.ProcessInput();
        }
    }

    private void CountFile(string path)
    {
        _files ??= DisposeAtEnd(new FilePageWalk(withFlags: true, cancellation: Cancellation));
        _files.Count(path, _filter, _count!.Counts);
    }

    private protected override void ProcessWhole(LinuxProcess process) => _count!.AddProcess(process);

    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length) =>
        _count!.AddProcess(process, address, length ?? MachinePage.SizeBytes);

    protected override void EndProcessing() => WriteObject(_count!.Counts.Summaries, enumerateCollection: true);
}

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

    /// <summary>Single frames, which are looked up together.</summary>
    private readonly PipelineBatch<ulong> _waiting;

    /// <summary>The sums of all processes, cores, and frames.</summary>
    private FlagTally? _sums;

    private FrameFilter? _filter;
    private FlagTallyBuilder? _live;

    /// <summary>Counts what is given now, and the core that it is in; null: this machine.</summary>
    private FlagTallyBuilder? _count;
    private string? _core;
    private FilePageWalk? _files;

    public MeasurePageFlagsCommand() => _waiting = Gather<ulong>(pfns => _count!.AddFrames(pfns), FrameTables.BatchFrames);

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [AllowEmptyCollection]
    [PfnTransformation(AllowOpen = true)]
    public PfnRange[] Pfn { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

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
    [FileOrNone]
    public FileSystemInfo? File { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? KpageFlagsPath { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? KpageCgroupPath { get; set; }

    /// <summary>The whole machine is counted, unless a process is given or the pipeline can bring some.</summary>
    private bool IsWholeMachine => ParameterSetName == ProcessSet && Id is null && Name is null && Address is null
        && !PipelineInput.HasCore(CorePath) && !MyInvocation.ExpectingInput;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (KpageFlagsPath is null && KpageCgroupPath is not null)
        {
            ThrowBadArgument(nameof(KpageFlagsPath), "-KpageCgroupPath requires -KpageFlagsPath.", null);
        }

        CheckFlags();
        _sums = new FlagTally(Raw, FrameFilter.Create(Flag, AnyFlag, NotFlag, ExactFlag, cgroup: null).Flags);
        if (!MyInvocation.ExpectingInput && !PipelineInput.HasCore(CorePath))
        {
            Live();
        }
    }

    /// <summary>Returns what counts pages of this machine, or of saved tables. A failure ends the cmdlet.</summary>
    private FlagTallyBuilder Live()
    {
        if (_live is null)
        {
            _filter = CreateFrameFilter(core: null);
            _live = CreateBuilder(_filter, DisposeAtEnd(
                SavedFrameTables.Open(this, FrameAttributes.Flags, _filter, KpageFlagsPath, null, KpageCgroupPath)));
        }

        return _live;
    }

    private FlagTallyBuilder CreateBuilder(FrameFilter filter, FrameTables tables) =>
        new(tables, Raw, new PageFilter { Frame = filter }, Cancellation) { Counts = _sums! };

    private FlagTallyBuilder OfCore(CoreFile core) => CreateBuilder(
        CreateFrameFilter(core), DisposeAtEnd(FrameTables.Of(core, FrameAttributes.Flags | FrameAttributes.Cgroup)));

    /// <summary>Selects what counts: this machine, or a core.</summary>
    /// <exception cref="MemProcException">The core has no page flags.</exception>
    private void Select(string? core)
    {
        if (_count is not null && core == _core)
        {
            return;
        }

        _waiting.Flush();
        _count = null;
        _count = core is null ? Live() : OfCore(OpenCore(core));
        _core = core;
    }

    protected override void ProcessRecord()
    {
        if (KpageFlagsPath is not null && (File is not null || PipelineInput.HasCore(CorePath) || (ParameterSetName is not (FrameSet or PhysicalSet) && !IsWholeMachine)))
        {
            ThrowBadArgument(nameof(KpageFlagsPath), "A saved table has no processes or files: -KpageFlagsPath can be combined "
                + "with -Pfn and -PhysicalAddress only.", KpageFlagsPath);
        }

        if (File is not null)
        {
            CountFiles(File.FullName);
            return;
        }

        if (ParameterSetName == ProcessSet)
        {
            base.ProcessRecord();
        }
        else
        {
            // Frames need no process.
            ProcessInput();
        }
    }

    private protected override void ProcessInput()
    {
        if (ParameterSetName is FrameSet or PhysicalSet)
        {
            // The command line can name several cores, an object one.
            foreach (string? path in PipelineInput.HasCore(CorePath) ? (string?[])CorePath : [null])
            {
                ReportErrors(() =>
                {
                    Select(path);
                    foreach (PfnRange range in ParameterSetName == PhysicalSet ? PhysicalAddress : Pfn)
                    {
                        Add(range with { Count = Math.Max(range.Count, Count) });
                    }
                });
            }
        }
        else if (ParameterSetName is PathSet or LiteralPathSet)
        {
            foreach ((string path, _) in FilePaths.Resolve(this, Path, LiteralPath, ParameterSetName == LiteralPathSet))
            {
                CountFiles(path);
            }
        }
        else if (IsWholeMachine)
        {
            ReportErrors(() => Live().AddMachine());
        }
        else
        {
            // Another core can be opened now.
            _waiting.Flush();
            base.ProcessInput();
        }
    }

    /// <summary>Counts the pages of a file, or of all files of a directory.</summary>
    private void CountFiles(string path)
    {
        Live();
        _files ??= DisposeAtEnd(new FilePageWalk(withFlags: true, cancellation: Cancellation));
        foreach (string file in FileTree.EnumerateFiles(path, recurse: true, WriteVerbose, WriteError, Cancellation))
        {
            ReportErrors(() => _files.Count(file, _filter!, _sums!));
        }
    }

    protected override void Process(MemoryTarget process)
    {
        Select(process.CorePath);
        base.Process(process);
    }

    private protected override void ProcessWhole(MemoryTarget process) => _count!.AddProcess(process);

    private protected override void ProcessAddress(MemoryTarget process, ulong address, ulong? length) =>
        _count!.AddProcess(process, address, length ?? MachinePage.SizeBytes);

    protected override void EndProcessing()
    {
        _waiting.Flush();
        WriteEach(_sums!.Summaries);
    }

    private void Add(PfnRange range)
    {
        if (range.Count > 1)
        {
            ReportErrors(() => _count!.AddRange(range));
            return;
        }

        _waiting.Add(range.First);
    }
}

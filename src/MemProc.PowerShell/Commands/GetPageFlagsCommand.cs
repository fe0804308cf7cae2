using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Get-PageFlags: gets the flags, map counts and cgroups of page frames.</summary>
[Cmdlet(VerbsCommon.Get, "PageFlags", DefaultParameterSetName = PageSet)]
[OutputType(typeof(PageFlags), ParameterSetName = [PageSet, FrameSet, PhysicalSet])]
[OutputType(typeof(PageFlagDescription), typeof(PageFlagSet), ParameterSetName = [DescribeSet])]
public sealed class GetPageFlagsCommand : MemProcCommand
{
    private const string PageSet = "Page";
    private const string FrameSet = "Frame";
    private const string PhysicalSet = "PhysicalAddress";
    private const string DescribeSet = "Describe";

    private readonly PipelineBatch<ulong> _waiting;
    private readonly PageFlagsRuns _runs = new();
    private (FrameTables Tables, FrameFilter Filter)? _live;

    /// <summary>The tables that are read now, and the core that has them; null: those of this machine.</summary>
    private FrameTables? _tables;
    private string? _core;
    private FrameFilter _filter = new();

    /// <summary>What the command line gives, which objects of the pipeline do not replace.</summary>
    private (PfnRange[]? Pfn, ulong? Count, string[]? CorePath) _given;

    public GetPageFlagsCommand() => _waiting = Gather<ulong>(WriteFrames);

    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = FrameSet)]
    [Parameter(Position = 0, ParameterSetName = PageSet)]
    [AllowEmptyCollection]
    [PfnTransformation(AllowOpen = true)]
    public PfnRange[]? Pfn { get; set; }

    // Not from the pipeline: pages and frames bring their Pfn, and would be bound twice.
    [Parameter(Mandatory = true, ParameterSetName = PhysicalSet)]
    [PhysicalFrameTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public PfnRange[] PhysicalAddress { get; set; } = [];

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [Parameter(Position = 1, ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [AllowNull]
    public string[]? CorePath { get; set; }

    /// <summary>
    /// A page of the pipeline as a whole. Its set, in which nothing binds by the name of a property, is the default one, so
    /// that PowerShell tries it first.
    /// </summary>
    [Parameter(ValueFromPipeline = true, ParameterSetName = PageSet, DontShow = true)]
    public PageMapEntry? Page { get; set; }

    /// <summary>A file of the pipeline, which is a core.</summary>
    [Parameter(ValueFromPipeline = true, ParameterSetName = FrameSet, DontShow = true)]
    [FileOrNone]
    public FileSystemInfo? File { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Flag { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? AnyFlag { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? NotFlag { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNull]
    public string[]? ExactFlag { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [ArgumentCompleter(typeof(CgroupCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Cgroup { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    public SwitchParameter Raw { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    public SwitchParameter Run { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [ValidateNotNullOrEmpty]
    public string? KpageFlagsPath { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [ValidateNotNullOrEmpty]
    public string? KpageCountPath { get; set; }

    [Parameter(ParameterSetName = PageSet)]
    [Parameter(ParameterSetName = FrameSet)]
    [Parameter(ParameterSetName = PhysicalSet)]
    [ValidateNotNullOrEmpty]
    public string? KpageCgroupPath { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = DescribeSet)]
    public SwitchParameter Describe { get; set; }

    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = DescribeSet)]
    [Alias("RawFlags")]
    [FlagSetTransformation]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    public ulong[]? FlagSet { get; set; }

    protected override void BeginProcessing()
    {
        _given = (Pfn, MyInvocation.BoundParameters.ContainsKey(nameof(Count)) ? Count : null, CorePath);
        if (!Describe)
        {
            if (KpageFlagsPath is null && (KpageCountPath ?? KpageCgroupPath) is not null)
            {
                ThrowBadArgument(nameof(KpageFlagsPath), "-KpageCountPath and -KpageCgroupPath require -KpageFlagsPath.", null);
            }

            if (IsBare)
            {
                ThrowBadArgument(nameof(Pfn), "Without frames and filters, Get-PageFlags would write an object for each frame of "
                    + "the machine. Specify frames, -Pfn 0.. for all of them, or a filter such as -Flag; -Run joins equal "
                    + "neighbors, and Measure-PageFlags counts them.", null);
            }

            FrameFilterCommand.CreateFrameFilter(this, Flag, AnyFlag, NotFlag, ExactFlag, cgroup: null);
            if (!MyInvocation.ExpectingInput && !PipelineInput.HasCore(CorePath))
            {
                Select(null);
            }
        }
    }

    /// <summary>Nothing on the command line limits what is written, and the pipeline brings nothing.</summary>
    private bool IsBare => ParameterSetName is PageSet or FrameSet && Pfn is null && !MyInvocation.ExpectingInput && !Run
        && (Flag ?? AnyFlag ?? NotFlag ?? ExactFlag) is null && Cgroup is null && KpageFlagsPath is null && !PipelineInput.HasCore(CorePath);

    protected override void ProcessRecord()
    {
        if (Describe)
        {
            WriteObject(FlagSet is null
                ? KernelPageFlag.All.Select(flag => (object)new PageFlagDescription(flag))
                : FlagSet.Select(set => new PageFlagSet(set)), enumerateCollection: true);
            return;
        }

        if (Page is not null)
        {
            ReadPage(Page);
            return;
        }

        RefuseEmptyCore(CorePath);
        Read();
    }

    /// <summary>Reads the frames of a page as if its properties were bound by their names, which costs far more.</summary>
    private void ReadPage(PageMapEntry page)
    {
        Pfn = _given.Pfn ?? (page.Pfn is ulong pfn ? [new PfnRange(pfn)] : null);
        Count = _given.Count ?? page.PageCount;
        CorePath = _given.CorePath ?? (page.CorePath is string core ? [core] : null);
        try
        {
            Read();
        }
        finally
        {
            (Pfn, Count, CorePath) = (_given.Pfn, _given.Count ?? 1, _given.CorePath);
        }
    }

    private void Read()
    {
        string[]? cores = File is null ? CorePath : [File.FullName];
        if (!PipelineInput.HasCore(cores))
        {
            Select(null);
            ReadFrames();
            return;
        }

        if (KpageFlagsPath is not null)
        {
            ThrowBadArgument(nameof(KpageFlagsPath), "Specify -CorePath or -KpageFlagsPath, not both.", KpageFlagsPath);
        }

        foreach (string path in cores)
        {
            ReportErrors(() =>
            {
                Select(path);
                ReadFrames();
            });
        }
    }

    /// <summary>Selects the tables that are read: those of this machine, whose failure ends the cmdlet, or those of a core.</summary>
    /// <exception cref="MemProcException">The core has no page flags.</exception>
    private void Select(string? core)
    {
        if (_tables is not null && core == _core)
        {
            return;
        }

        _waiting.Flush();
        if (core is null)
        {
            _live ??= OpenLive();
            (_tables, _filter) = _live.Value;
        }
        else
        {
            _tables = null;
            CoreFile opened = OpenCore(core);
            _filter = FrameFilter.Create(Flag, AnyFlag, NotFlag, ExactFlag, Cgroup, opened);
            _tables = DisposeAtEnd(FrameTables.Of(opened));
        }

        _core = core;
    }

    private (FrameTables, FrameFilter) OpenLive()
    {
        FrameFilter filter = FrameFilterCommand.CreateFrameFilter(this, Flag, AnyFlag, NotFlag, ExactFlag, Cgroup);
        return (DisposeAtEnd(SavedFrameTables.Open(
            this, FrameAttributes.All, filter, KpageFlagsPath, KpageCountPath, KpageCgroupPath)), filter);
    }

    private void ReadFrames()
    {
        // All frames, unless some are given or the pipeline can bring some.
        PfnRange[]? ranges = ParameterSetName == PhysicalSet ? PhysicalAddress : Pfn;
        if (ranges is null && MyInvocation.ExpectingInput && File is null)
        {
            WriteError(Failure.NoPfn());
            return;
        }

        FrameWalk walk = new(_tables!, Raw, _filter);
        foreach (PfnRange given in ranges ?? [new PfnRange(0, _tables!.End)])
        {
            PfnRange range = given with { Count = Math.Max(given.Count, Count) };
            if (range.Count > 1)
            {
                _waiting.Flush();
                ReportErrors(() => WriteFrames(Run ? walk.Runs(range) : walk.Range(range)));
                continue;
            }

            _waiting.Add(range.First);
        }
    }

    protected override void EndProcessing()
    {
        _waiting.Flush();
        if (_runs.Take() is PageFlags last)
        {
            WriteObject(last);
        }
    }

    private void WriteFrames(ulong[] pfns) => WriteFrames(Known(pfns, _tables!.Read(pfns, Raw)));

    private void WriteFrames(IEnumerable<PageFlags> frames)
    {
        if (!Run)
        {
            WriteEach(frames);
            return;
        }

        // A run continues across ranges, and across objects of the pipeline.
        foreach (PageFlags frame in frames)
        {
            Cancellation.ThrowIfCancellationRequested();
            if (_runs.Add(frame) is PageFlags ended)
            {
                WriteObject(ended);
            }
        }
    }

    /// <summary>Returns the selected frames; those that the machine lacks are written as errors.</summary>
    private IEnumerable<PageFlags> Known(ulong[] pfns, PageFlags?[] flags)
    {
        for (int index = 0; index < pfns.Length; index++)
        {
            if (flags[index] is not PageFlags known)
            {
                WriteError(_tables!.NotFound(pfns[index]));
            }
            else if (_filter.Matches(known))
            {
                yield return known;
            }
        }
    }
}

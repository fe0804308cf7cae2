using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>Compare-ProcessMemory: compares the memory of two cores, of a core and a process, or of two moments.</summary>
[Cmdlet(VerbsData.Compare, "ProcessMemory", DefaultParameterSetName = ProcessSet)]
[OutputType(typeof(MemoryComparison), typeof(MemoryDifference), typeof(ProcMapChange), typeof(PageChange))]
public sealed class CompareProcessMemoryCommand : MapFilterCommand<MemoryTarget>
{
    private const string CoreSet = "Core";
    private const string ProcessSet = "Process";
    private const string SecondsSet = "Seconds";
    private const string DuringSet = "During";

    /// <summary>What is compared of each process, where two moments are.</summary>
    private readonly List<(LinuxProcess Process, List<ComparisonOptions> Ranges)> _moments = [];
    private ComparisonOptions _options = new();
    private CoreFile? _before;

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = CoreSet)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ProcessSet)]
    [ValidateNotNullOrEmpty]
    public string Before { get; set; } = string.Empty;

    [Parameter(Mandatory = true, Position = 1, ParameterSetName = CoreSet)]
    [ValidateNotNullOrEmpty]
    public string After { get; set; } = string.Empty;

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = ProcessSet)]
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = SecondsSet)]
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = DuringSet)]
    [Alias("PID", "ProcessId")]
    [ProcessIdTransformation(hasName: true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public override ProcessSelector[]? Id { get; set; }

    [Parameter(ParameterSetName = ProcessSet)]
    [Parameter(ParameterSetName = SecondsSet)]
    [Parameter(ParameterSetName = DuringSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    [ValidateNotNullOrEmpty]
    public override string[]? Name { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true, DontShow = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = SecondsSet)]
    [ValidateRange(0.0, WorkingSetMeter.MaxSeconds)]
    public double Seconds { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = DuringSet)]
    [ValidateNotNull]
    public ScriptBlock? During { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter]
    public SwitchParameter Mapping { get; set; }

    [Parameter]
    public SwitchParameter Page { get; set; }

    [Parameter]
    public SwitchParameter Content { get; set; }

    [Parameter]
    [MemoryTypeTransformation]
    [ArgumentCompleter(typeof(MemoryTypeCompleter))]
    public MemoryType? Type { get; set; }

    [Parameter]
    [LayoutTransformation]
    public MemoryLayout? Layout { get; set; }

    [Parameter]
    public SwitchParameter BigEndian { get; set; }

    [Parameter]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = Encoding.UTF8;

    [Parameter]
    [ValidateRange(0, ComparisonOptions.MaxJoinBytes)]
    public int JoinBytes { get; set; } = 8;

    [Parameter]
    [ValidateRange(1, ComparisonOptions.MaxRunBytes)]
    public int MaxBytes { get; set; } = 4096;

    [Parameter]
    public SwitchParameter IncludeNotResident { get; set; }

    [Parameter(ParameterSetName = SecondsSet)]
    [Parameter(ParameterSetName = DuringSet)]
    public SwitchParameter Stop { get; set; }

    [Parameter]
    public SwitchParameter Summary { get; set; }

    [Parameter]
    public SwitchParameter NoSummary { get; set; }

    private bool HasTwoMoments => ParameterSetName is SecondsSet or DuringSet;

    private bool WithContent => Content || !(Mapping || Page);

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (Type is not null && Layout is not null)
        {
            ThrowBadArgument(nameof(Layout), "Specify -Type or -Layout, not both.", Layout);
        }

        if (Summary && NoSummary)
        {
            ThrowBadArgument(nameof(NoSummary), "Specify -Summary or -NoSummary, not both.", true);
        }

        if (Layout is not null && Address is null && !MyInvocation.ExpectingInput)
        {
            ThrowBadArgument(nameof(Address), "-Layout requires -Address: where the first struct is.", null);
        }

        if (ParameterSetName == ProcessSet && Id is null && Name is null && !MyInvocation.ExpectingInput)
        {
            ThrowBadArgument(nameof(Id), "Specify a second core, -Id or -Name, or pipe in processes.", null);
        }

        MemoryLayout? layout = Type is not null
            ? ValueConditions.Create(this, nameof(Type), Type, () => ComparisonOptions.CheckType(Type))
            : Layout is not null
            ? ValueConditions.Create(this, nameof(Layout), Layout, () => ComparisonOptions.CheckLayout(Layout))
            : null;
        _options = new ComparisonOptions
        {
            Filter = Filter,
            IncludeNotResident = IncludeNotResident,
            JoinBytes = JoinBytes,
            RunBytes = MaxBytes,
            Layout = layout,
            IsBigEndian = BigEndian,
            Encoding = Encoding,
        };
    }

    protected override void ProcessRecord()
    {
        if (ParameterSetName == CoreSet)
        {
            ReportErrors(() => base.Process(OpenCore(After)));
            return;
        }

        base.ProcessRecord();
    }

    protected override void Process(MemoryTarget process)
    {
        if (HasTwoMoments && process is CoreFile core)
        {
            throw NotLive(core.CorePath!);
        }

        base.Process(process);
    }

    private protected override void ProcessWhole(MemoryTarget process) => Compare(process, _options);

    private protected override void ProcessAddress(MemoryTarget process, ulong address, ulong? length) =>
        Compare(process, _options.From(address, length));

    protected override void EndProcessing()
    {
        if (_moments.Count == 0)
        {
            return;
        }

        List<(LinuxProcess Process, CoreFile Before, MapSamples? Samples, List<ComparisonOptions> Ranges)> held = [];
        foreach ((LinuxProcess process, List<ComparisonOptions> ranges) in _moments)
        {
            ReportErrors(() =>
            {
                OpenProcesses.ThrowIfGone(process);
                CoreFile before = DisposeAtEnd(Hold(process));
                held.Add((process, before, Mapping && !WithContent ? MapSamples.Take(process, Cancellation) : null, ranges));
            });
        }

        if (held.Count > 0)
        {
            ReportErrors(() => LetRun(During, Seconds, "Waiting for changes"));
        }

        foreach ((LinuxProcess process, CoreFile before, MapSamples? samples, List<ComparisonOptions> ranges) in held)
        {
            ReportErrors(() =>
            {
                OpenProcesses.ThrowIfGone(process);
                using CoreFile? after = Stop ? Hold(process) : null;
                foreach (ComparisonOptions range in ranges)
                {
                    Write(before, after ?? (MemoryTarget)process, process, range, samples);
                }
            });
        }
    }

    /// <summary>Compares with the core before; of two moments, notes what is compared.</summary>
    private void Compare(MemoryTarget process, ComparisonOptions options)
    {
        if (!HasTwoMoments)
        {
            _before ??= DisposeAtEnd(CoreFile.Open(CorePathOf(Before), Cancellation));
            if (_before.Id != process.Id || _before.Identity.StartTicks != process.Identity.StartTicks)
            {
                WriteVerbose($"{SafeText.Escape(Before)} is of process {_before.Identity}, and not of {process.Identity}.");
            }

            Write(_before, process, null, options);
            return;
        }

        LinuxProcess live = (LinuxProcess)process;
        int index = _moments.FindIndex(known => known.Process == live);
        if (index < 0)
        {
            Processes.Keep(live);
            _moments.Add((live, [options]));
        }
        else
        {
            _moments[index].Ranges.Add(options);
        }
    }

    /// <summary>Keeps the memory of a process as it is now, in a file without a name.</summary>
    private CoreFile Hold(LinuxProcess process)
    {
        if (Stop)
        {
            WarnBeforeStop();
        }

        ulong all = Math.Max(MemoryStatusReader.Read(process).VmRssBytes ?? 1, 1);
        using Progress progress = new(this, $"Keeping the memory of process {process.Identity}");
        return MemorySaver.SaveUnnamed(process, new SaveOptions
        {
            Stop = Stop,
            IncludeDontDump = true,
            ReadAll = IncludeNotResident,
            PageInfo = Page,
            NoContent = !WithContent,
        }, done => progress.Report(Math.Min(done, all), all, HumanSize.Format(done)), Cancellation);
    }

    private void Write(
        CoreFile before, MemoryTarget after, LinuxProcess? live, ComparisonOptions options, MapSamples? samples = null)
    {
        using Progress progress = new(this, $"Comparing process {(live ?? after).Identity}");
        MemoryComparer comparer = new(before, after, options, Cancellation)
        {
            Progress = progress.Report,
            Warn = WarnOnce,
            Live = live,
            PreviousSamples = samples,
            PreviousName = live is null ? null : $"process {live.Identity}, {before.Time.LocalDateTime:HH:mm:ss.fff}",
        };
        bool isLayoutOnly = !(Mapping || Page || Content) && comparer.HasLayoutOnly;
        if (Mapping || isLayoutOnly)
        {
            WriteEach(comparer.CompareMaps());
        }

        if (Page || (isLayoutOnly && comparer.HasPages))
        {
            WriteEach(comparer.ComparePages());
        }

        if (!WithContent || isLayoutOnly)
        {
            return;
        }

        if (NoSummary)
        {
            WriteEach(comparer.Differences());
            return;
        }

        using ContentComparison comparison = comparer.CompareContent(keepDifferences: !Summary);
        WriteObject(comparison.Summary);
        WriteEach(comparison.Differences);
    }
}

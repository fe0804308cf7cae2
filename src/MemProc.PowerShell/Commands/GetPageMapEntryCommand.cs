using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageMapEntry: gets the pagemap entries of processes.</summary>
[Cmdlet(VerbsCommon.Get, "PageMapEntry", DefaultParameterSetName = MapSet)]
[OutputType(typeof(PageMapEntry))]
public sealed class GetPageMapEntryCommand : FrameFilterCommand
{
    private const string MapSet = "Map";
    private const string LengthSet = "Length";
    private const string CountSet = "Count";

    private readonly PipelineBatch<(ulong Address, ulong? Length, ulong? Count)> _waiting;
    private FrameTables? _frames;
    private MemoryTarget? _target;
    private PageMapWalk? _walk;
    private PageFilter? _filter;

    public GetPageMapEntryCommand() => _waiting = Gather<(ulong, ulong?, ulong?)>(
        ranges => Write(_walk!.FromMany(ranges, WriteError)));

    [Parameter(Position = 0, ParameterSetName = MapSet)]
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = LengthSet)]
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true, ParameterSetName = CountSet)]
    [Alias("ProcessId", "PID")]
    [ProcessIdTransformation(hasName: true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public override ProcessSelector[]? Id { get; set; }

    [Parameter(ParameterSetName = MapSet)]
    [Parameter(ParameterSetName = LengthSet)]
    [Parameter(ParameterSetName = CountSet)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    [ValidateNotNullOrEmpty]
    public override string[]? Name { get; set; }

    [Parameter(ParameterSetName = MapSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = LengthSet)]
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = CountSet)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter(Position = 1, ParameterSetName = MapSet)]
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = LengthSet)]
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = CountSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = LengthSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = CountSet)]
    [ValidateRange(1UL, ulong.MaxValue >> 12)]
    public ulong Count { get; set; }

    [Parameter]
    public SwitchParameter All { get; set; }

    [Parameter]
    public SwitchParameter Run { get; set; }

    [Parameter]
    public SwitchParameter Present { get; set; }

    [Parameter]
    public SwitchParameter Swapped { get; set; }

    [Parameter]
    public SwitchParameter SoftDirty { get; set; }

    [Parameter]
    public SwitchParameter Exclusive { get; set; }

    [Parameter]
    public SwitchParameter File { get; set; }

    [Parameter]
    public SwitchParameter Anonymous { get; set; }

    [Parameter]
    public SwitchParameter Guard { get; set; }

    [Parameter]
    public SwitchParameter Huge { get; set; }

    [Parameter]
    public SwitchParameter WithFlags { get; set; }

    [Parameter]
    public SwitchParameter WithMapCount { get; set; }

    [Parameter]
    public SwitchParameter WithCgroup { get; set; }

    [Parameter]
    public SwitchParameter WithNode { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    /// <summary>
    /// A mapping of the pipeline as a whole. Its set, in which nothing binds by the name of a property, is the default one, so
    /// that PowerShell tries it first.
    /// </summary>
    [Parameter(ValueFromPipeline = true, ParameterSetName = MapSet, DontShow = true)]
    public ProcMap? Map { get; set; }

    private protected override string? LengthParameter =>
        ParameterSetName == CountSet ? nameof(Count) : base.LengthParameter;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        CheckFlags();
        if (!MyInvocation.ExpectingInput && !PipelineInput.HasCore(CorePath))
        {
            Prepare();
        }
    }

    protected override void ProcessRecord()
    {
        if (Map is not null)
        {
            ProcessMap(Map);
        }
        else
        {
            base.ProcessRecord();
        }
    }

    protected override void Process(MemoryTarget process)
    {
        if (process != _target || _walk is null)
        {
            _target = process;
            _walk = WalkOf(process);
        }

        base.Process(process);
    }

    private protected override void ProcessWhole(MemoryTarget process)
    {
        _waiting.Flush();
        Write(_walk!.All());
    }

    private protected override void ProcessAddress(MemoryTarget process, ulong address, ulong? length) =>
        _waiting.Add((address, length, ParameterSetName == CountSet ? Count : null));

    protected override void EndProcessing() => _waiting.Flush();

    /// <summary>Opens what the pages of processes require. A failure ends the cmdlet.</summary>
    private void Prepare()
    {
        if (_filter is null)
        {
            _filter = CreateFilter(core: null);
            ThrowOnError(() => _filter.ThrowIfUnsupported());
            FrameAttributes fields = FieldsOf(_filter);
            _frames = fields == FrameAttributes.None ? null : DisposeAtEnd(ThrowOnError(() => new FrameTables(fields)));
        }
    }

    private PageMapWalk WalkOf(MemoryTarget process)
    {
        PageFilter filter;
        FrameTables? frames;
        if (process is CoreFile core)
        {
            filter = CreateFilter(core);
            filter.ThrowIfUnsupported(core);
            frames = FieldsOf(filter) == FrameAttributes.None ? null : DisposeAtEnd(FrameTables.Of(core, FieldsOf(filter)));
        }
        else
        {
            Prepare();
            (filter, frames) = (_filter!, _frames);
        }

        return new PageMapWalk(process, Cancellation)
        {
            IncludeEmpty = All,
            JoinRuns = Run,
            Filter = filter,
            Frames = frames,
            WithNodes = WithNode,
            RawFlags = Raw,
        };
    }

    private FrameAttributes FieldsOf(PageFilter filter) => filter.Frame.FieldsWith(WithFlags || Raw, WithMapCount, WithCgroup);

    private PageFilter CreateFilter(CoreFile? core) => new()
    {
        IsPresent = Present,
        IsSwapped = Swapped,
        IsSoftDirty = SoftDirty,
        IsExclusive = Exclusive,
        IsFile = File,
        IsAnonymous = Anonymous,
        IsGuard = Guard,
        IsHuge = Huge,
        Frame = CreateFrameFilter(core),
    };

    private void Write(IEnumerable<PageMapEntry> entries)
    {
        foreach (PageMapEntry entry in entries)
        {
            if (entry.IsPfnHidden)
            {
                WarnOnce(PageMapWalk.FramesHidden);
            }

            WriteObject(entry);
        }
    }
}

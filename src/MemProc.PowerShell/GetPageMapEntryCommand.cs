using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageMapEntry: what stands behind the pages of processes.</summary>
[Cmdlet(VerbsCommon.Get, "PageMapEntry", DefaultParameterSetName = LengthSet)]
[OutputType(typeof(PageMapEntry))]
public sealed class GetPageMapEntryCommand : ProcessCommand
{
    private const string LengthSet = "Length";
    private const string CountSet = "Count";

    private PageFilter _filter = new();
    private FrameTables? _frames;
    private bool _toldHidden;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = LengthSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

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
    public SwitchParameter WithFlags { get; set; }

    [Parameter]
    public SwitchParameter WithMapCount { get; set; }

    [Parameter]
    public SwitchParameter WithCgroup { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    protected override void BeginProcessing()
    {
        _filter = new PageFilter
        {
            IsPresent = Present,
            IsSwapped = Swapped,
            IsSoftDirty = SoftDirty,
            IsExclusive = Exclusive,
            IsFile = File,
            IsAnonymous = Anonymous,
            IsGuard = Guard,
            IsHuge = Huge,
            Frame = new FrameFilter
            {
                Flags = Arguments.Flags(this, Flag, AnyFlag, NotFlag, ExactFlag),
                CgroupInode = Arguments.Cgroup(this, Cgroup),
            },
        };
        FrameFields fields = _filter.Frame.RequiredFields
            | (WithFlags || Raw ? FrameFields.Flags : 0)
            | (WithMapCount ? FrameFields.MapCount : 0)
            | (WithCgroup ? FrameFields.Cgroup : 0);
        _frames = fields == FrameFields.None ? null : Require(() => new FrameTables(fields));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _frames?.Dispose();
        }

        base.Dispose(disposing);
    }

    protected override void Process(LinuxProcess process)
    {
        PageMapWalk walk = new(process, Cancellation)
        {
            IncludeEmpty = All,
            JoinRuns = Run,
            Filter = _filter,
            Frames = _frames,
            RawFlags = Raw,
        };
        if (Address is null)
        {
            if (Length is not null || ParameterSetName == CountSet)
            {
                ThrowTerminatingError(Failure.BadArgument(
                    nameof(Address), "-Length and -Count begin at an address: give -Address.", null));
            }

            Write(walk.All());
            return;
        }

        using AddressResolution resolution = new(process, Cancellation);
        foreach (ProcAddress address in Address)
        {
            // One bad address does not stop the others.
            Attempt(() => Write(walk.From(
                resolution.Resolve(address), Length ?? address.Length, ParameterSetName == CountSet ? Count : null)));
        }
    }

    private void Write(IEnumerable<PageMapEntry> entries)
    {
        foreach (PageMapEntry entry in entries)
        {
            if (entry.IsPfnHidden && !_toldHidden)
            {
                _toldHidden = true;
                WriteWarning(PageMapWalk.FramesHidden);
            }

            WriteObject(entry);
        }
    }
}

using System.Management.Automation;
using System.Text;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Watch-ProcessMemory: what becomes of values in the memory of processes.</summary>
[Cmdlet(VerbsCommon.Watch, "ProcessMemory")]
[OutputType(typeof(MemoryChange))]
public sealed class WatchProcessMemoryCommand : ProcessCommand
{
    private readonly List<LinuxProcess> _processes = [];
    private readonly List<WatchedMemory> _places = [];

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[] Address { get; set; } = [];

    [Parameter]
    [MemoryTypeTransformation]
    [ArgumentCompleter(typeof(MemoryTypeCompleter))]
    public MemoryType? Type { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter]
    [DurationTransformation]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    [Parameter]
    [DurationTransformation]
    public TimeSpan? Timeout { get; set; }

    [Parameter]
    [ValidateNotNull]
    public object? Until { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Count { get; set; }

    [Parameter]
    public SwitchParameter BigEndian { get; set; }

    [Parameter]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = Encoding.UTF8;

    [Parameter]
    public ReadMethod Method { get; set; }

    protected override void BeginProcessing()
    {
        if (Interval < MemoryWatch.Shortest || Interval > MemoryWatch.Longest)
        {
            ThrowTerminatingError(Failure.BadArgument(
                nameof(Interval), "An interval is at least 1 ms, and at most a day.", Interval));
        }

        if (Type is { IsTextPointer: true })
        {
            ThrowTerminatingError(Failure.BadArgument(nameof(Type),
                "A char* is two places, the pointer and its text: watch it as a Pointer, or the text as char[16].", Type));
        }
    }

    /// <summary>All processes are watched at the same time, so each is only noted here.</summary>
    protected override void Process(LinuxProcess process)
    {
        LinuxProcess own = Own(process.Identity);
        MemoryReader reader = new(own, Method, Cancellation);
        using AddressResolution resolution = new(own, Cancellation);
        foreach (ProcAddress given in Address)
        {
            Attempt(() => _places.Add(new WatchedMemory(
                own, reader, resolution.Resolve(given), TypeOf(given), BigEndian, Encoding)));
        }
    }

    protected override void EndProcessing() => Attempt(() =>
    {
        MemoryWatch watch = new(_places, Interval, Cancellation);
        int changes = 0;
        foreach (MemoryChange change in watch.Changes(Timeout, error => WriteError(Failure.Record(error))))
        {
            WriteObject(change);
            changes += change.IsFirst ? 0 : 1;
            if (changes == Count || IsLast(change))
            {
                break;
            }
        }
    });

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _processes.ForEach(process => process.Dispose());
        }

        base.Dispose(disposing);
    }

    private LinuxProcess Own(ProcessIdentity identity)
    {
        LinuxProcess? own = _processes.Find(process => process.Identity == identity);
        if (own is null)
        {
            own = LinuxProcess.Open(identity.ProcessId, identity.StartTicks);
            _processes.Add(own);
        }

        return own;
    }

    private MemoryType TypeOf(ProcAddress address)
    {
        ulong? length = Type is not null ? (ulong)Type.SizeBytes : Length ?? address.Length;
        return length is null
            ? throw new MemProcException(Operation.WatchMemory, Errno.EINVAL, $"What is at {address}? Give -Type or -Length.", address)
            : length > WatchedMemory.Most
            ? throw new MemProcException(Operation.WatchMemory, Errno.EINVAL,
                $"{HumanSize.Format(length.Value)} at {address} are too many to be read at each look: at most "
                + $"{HumanSize.Format(WatchedMemory.Most)}.", address)
            : Type ?? MemoryType.Bytes((int)length);
    }

    private bool IsLast(MemoryChange change) => Until switch
    {
        null => false,
        ScriptBlock condition => LanguagePrimitives.IsTrue(
            condition.InvokeWithContext(null, [new PSVariable("_", change)])),
        _ => change.Gap is null && LanguagePrimitives.Equals(change.Value, Until),
    };
}

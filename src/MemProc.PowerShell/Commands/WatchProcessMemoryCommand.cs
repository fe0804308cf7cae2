using System.Management.Automation;
using System.Text;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Watch-ProcessMemory: watches values in the memory of processes.</summary>
[Cmdlet(VerbsCommon.Watch, "ProcessMemory")]
[OutputType(typeof(MemoryChange))]
public sealed class WatchProcessMemoryCommand : MandatoryAddressCommand
{
    private readonly List<WatchedMemory> _targets = [];

    [Parameter]
    [MemoryTypeTransformation]
    [ArgumentCompleter(typeof(MemoryTypeCompleter))]
    public MemoryType? Type { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

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

    [Parameter]
    public SwitchParameter AllowUserfault { get; set; }

    private protected override bool UsesSymbolSizes => Type is null;

    protected override void BeginProcessing()
    {
        ValueConditions.Create(this, nameof(Interval), Interval, () => MemoryWatch.CheckInterval(Interval));
        if (Type is not null)
        {
            ValueConditions.Create(this, nameof(Type), Type, () => WatchedMemory.CheckType(Type));
        }
    }

    /// <summary>Notes a place. All are watched at the same time, when the pipeline has ended.</summary>
    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length)
    {
        Processes.Keep(process);
        MemoryReader reader = new(process, Method, Cancellation) { AllowUserfault = AllowUserfault };
        _targets.Add(new WatchedMemory(process, reader, address, TypeAt(address, length), BigEndian, Encoding));
    }

    protected override void EndProcessing() => ReportErrors(() =>
    {
        MemoryWatch watch = new(_targets, Interval, Cancellation);
        int changes = 0;
        foreach (MemoryChange change in watch.Changes(Timeout, WriteError))
        {
            WriteObject(change);
            changes += change.IsFirst ? 0 : 1;
            if (changes == Count || IsLast(change))
            {
                break;
            }
        }
    });

    private MemoryType TypeAt(ulong address, ulong? length)
    {
        if (Type is not null)
        {
            return Type;
        }

        return length switch
        {
            null => throw new MemProcException(Operation.WatchMemory, Errno.EINVAL,
                $"The type of the value at 0x{address:x} is unknown. Specify -Type or -Length.", address),
            > WatchedMemory.MaxLength => throw new MemProcException(Operation.WatchMemory, Errno.EINVAL,
                $"{HumanSize.Format(length.Value)} at 0x{address:x} are too many to watch: at most "
                + $"{HumanSize.Format(WatchedMemory.MaxLength)}.", address),
            _ => MemoryType.Bytes((int)length),
        };
    }

    private bool IsLast(MemoryChange change) => Until switch
    {
        null => false,
        ScriptBlock condition => LanguagePrimitives.IsTrue(
            condition.InvokeWithContext(null, [new PSVariable("_", change)])),
        _ => change.Gap is null && LanguagePrimitives.Equals(change.Value, Until),
    };
}

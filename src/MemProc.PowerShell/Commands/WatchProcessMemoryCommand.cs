using System.Management.Automation;
using System.Text;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Watch-ProcessMemory: watches values in the memory of processes.</summary>
[Cmdlet(VerbsCommon.Watch, "ProcessMemory", DefaultParameterSetName = ValueSet, SupportsShouldProcess = true,
    ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(MemoryChange), ParameterSetName = [ValueSet, HoldSet])]
[OutputType(typeof(ProcMemoryAccess), ParameterSetName = [WriterSet, AccessSet])]
public sealed class WatchProcessMemoryCommand : MandatoryAddressCommand
{
    private const string ValueSet = "Value";
    private const string HoldSet = "Hold";
    private const string WriterSet = "Writer";
    private const string AccessSet = "Access";

    private readonly List<WatchedMemory> _targets = [];
    private readonly List<AccessTarget> _accessTargets = [];

    [Parameter(Mandatory = true, ParameterSetName = WriterSet)]
    public SwitchParameter Writer { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = AccessSet)]
    public SwitchParameter Access { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = HoldSet)]
    public SwitchParameter Hold { get; set; }

    [Parameter(ParameterSetName = WriterSet)]
    [Parameter(ParameterSetName = AccessSet)]
    public AssemblySyntax Syntax { get; set; }

    [Parameter]
    [MemoryTypeTransformation]
    [ArgumentCompleter(typeof(MemoryTypeCompleter))]
    public MemoryType? Type { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter(ParameterSetName = ValueSet)]
    [Parameter(ParameterSetName = HoldSet)]
    [DurationTransformation]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    [Parameter]
    [ValidateRange(0.0, WorkingSetMeter.MaxSeconds)]
    public double? Seconds { get; set; }

    [Parameter]
    [DurationTransformation]
    public TimeSpan? Timeout { get; set; }

    [Parameter(ParameterSetName = ValueSet)]
    [ValidateNotNull]
    public object? Until { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Count { get; set; }

    [Parameter]
    public SwitchParameter BigEndian { get; set; }

    [Parameter(ParameterSetName = ValueSet)]
    [Parameter(ParameterSetName = HoldSet)]
    [EncodingTransformation]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding Encoding { get; set; } = Encoding.UTF8;

    [Parameter(ParameterSetName = ValueSet)]
    [Parameter(ParameterSetName = HoldSet)]
    public ReadMethod Method { get; set; }

    [Parameter(ParameterSetName = ValueSet)]
    [Parameter(ParameterSetName = HoldSet)]
    public SwitchParameter AllowUserfault { get; set; }

    private protected override bool UsesSymbolSizes => Type is null;

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (Seconds is not null && Timeout is not null)
        {
            ThrowBadArgument(nameof(Seconds), "-Seconds and -Timeout cannot be combined.", Seconds);
        }

        Timeout ??= Seconds is double seconds ? TimeSpan.FromSeconds(seconds) : null;
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
        MemoryType type = TypeAt(address, length);
        if (Writer || Access)
        {
            _accessTargets.Add(new AccessTarget(process, address, type, BigEndian));
            return;
        }

        MemoryReader reader = new(process, Method, Cancellation) { AllowUserfault = AllowUserfault };
        WatchedMemory target = new(process, reader, address, type, BigEndian, Encoding)
        {
            IsHeld = Hold,
            AllowUserfault = AllowUserfault,
        };
        if (!Hold || Confirm(target.DescribeHold()))
        {
            _targets.Add(target);
        }
    }

    protected override void EndProcessing() => ReportErrors(() =>
    {
        if (Writer || Access)
        {
            WatchAccesses();
            return;
        }

        try
        {
            WatchValues();
        }
        finally
        {
            ReportHold();
        }
    });

    private void WatchValues()
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
    }

    /// <summary>
    /// Shows how often values were written back, however the watch ends. Once the user has stopped it, the pipeline takes
    /// nothing, and only the host can show it.
    /// </summary>
    private void ReportHold()
    {
        if (!Hold || _targets.Count == 0)
        {
            return;
        }

        string message = WatchedMemory.DescribeRestores(_targets);
        if (Stopping)
        {
            Host.UI?.WriteLine(message);
        }
        else
        {
            WriteInformation(new HostInformationMessage { Message = message }, ["PSHOST"]);
        }
    }

    private void WatchAccesses()
    {
        MemoryAccessWatch watch = new(_accessTargets, Writer ? AccessKind.Write : AccessKind.ReadWrite, Syntax, Cancellation)
        {
            Warn = WarnOnce,
            Started = () => WriteVerbose("The breakpoints are set."),
        };
        int accesses = 0;
        foreach (ProcMemoryAccess access in watch.Accesses(Timeout, WriteError))
        {
            WriteObject(access);
            if (++accesses == Count)
            {
                break;
            }
        }

        if (watch.LostCount > 0)
        {
            WriteWarning($"{watch.LostCount} accesses were not reported: there were more than could be taken from the kernel.");
        }
    }

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
            _ when Writer || Access => AccessType((int)length),
            _ => MemoryType.Bytes((int)length),
        };
    }

    /// <summary>The type of watched bytes: a number where they can be one.</summary>
    private static MemoryType AccessType(int length) => length switch
    {
        1 => MemoryType.Of(MemoryValueType.Byte),
        2 => MemoryType.Of(MemoryValueType.UInt16),
        4 => MemoryType.Of(MemoryValueType.UInt32),
        8 => MemoryType.Of(MemoryValueType.UInt64),
        _ => MemoryType.Bytes(length),
    };

    private bool IsLast(MemoryChange change) => Until switch
    {
        null => false,
        ScriptBlock condition => LanguagePrimitives.IsTrue(
            condition.InvokeWithContext(null, [new PSVariable("_", change)])),
        _ => change.Gap is null && LanguagePrimitives.Equals(change.Value, Until),
    };
}

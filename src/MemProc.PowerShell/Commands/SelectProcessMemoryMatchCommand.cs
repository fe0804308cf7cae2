using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Select-ProcessMemoryMatch: selects the matches that changed, did not change, or have a value now.</summary>
[Cmdlet(VerbsCommon.Select, "ProcessMemoryMatch", DefaultParameterSetName = ChangedSet)]
[OutputType(typeof(MemoryScan), typeof(MemoryMatch))]
public sealed class SelectProcessMemoryMatchCommand : MemProcCommand
{
    private const string ChangedSet = "Changed";
    private const string UnchangedSet = "Unchanged";
    private const string IncreasedSet = "Increased";
    private const string DecreasedSet = "Decreased";
    private const string ValueSet = "Value";
    private const string GreaterSet = "GreaterThan";
    private const string LessSet = "LessThan";
    private const string BetweenSet = "Between";

    private readonly Dictionary<MemoryValueType, ScanTest> _tests = [];
    private MatchReader? _reader;
    private MemoryTarget? _process;

    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    public PSObject? InputObject { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ChangedSet)]
    public SwitchParameter Changed { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = UnchangedSet)]
    public SwitchParameter Unchanged { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = IncreasedSet)]
    public SwitchParameter Increased { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = DecreasedSet)]
    public SwitchParameter Decreased { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ValueSet)]
    public object? Value { get; set; }

    [Parameter(ParameterSetName = ValueSet)]
    public double Tolerance { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = GreaterSet)]
    public object? GreaterThan { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = LessSet)]
    public object? LessThan { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = BetweenSet)]
    [ValidateCount(2, 2)]
    public object[]? Between { get; set; }

    [Parameter]
    public SwitchParameter AllowUserfault { get; set; }

    protected override void ProcessRecord() => ReportErrors(() =>
    {
        if (InputObject!.BaseObject is MemoryScan scan)
        {
            Narrow(scan);
        }
        else
        {
            Recheck(InputObject);
        }
    });

    /// <summary>Converts a property of a match that came back from a job, a file or a remote host.</summary>
    private static T Property<T>(PSObject match, string name, object value)
    {
        try
        {
            return LanguagePrimitives.ConvertTo<T>(value);
        }
        catch (PSInvalidCastException error)
        {
            throw new MemProcException(Operation.SelectMatch, Errno.EINVAL,
                $"The {name} of the match is not valid: {SafeText.ShortenMiddle(SafeText.Escape(error.Message), 300)}", match);
        }
    }

    private void Narrow(MemoryScan scan)
    {
        MemoryTarget process = Processes.Open(scan.ProcessId, scan.ProcessStartTicks, scan.CorePath, Cancellation);
        using Progress progress = new(this, $"Comparing {scan.Count} numbers of process {process.Identity}");
        MemoryScanner scanner = new(process, Cancellation)
        {
            Range = new SearchRange { AllowUserfault = AllowUserfault },
            Progress = done => progress.Report(done.PassedBytes, done.MappedBytes, HumanSize.Format(done.SearchedBytes)),
        };
        WriteObject(scanner.Narrow(scan, TestFor(scan.Type)));
    }

    private void Recheck(PSObject match)
    {
        object? bytes = match.Properties["Bytes"]?.Value, address = match.Properties["Address"]?.Value;
        object? id = match.Properties["ProcessId"]?.Value, type = match.Properties["Type"]?.Value;
        if (bytes is null || address is null || id is null)
        {
            throw new MemProcException(Operation.SelectMatch, Errno.EINVAL,
                "The object is neither a match of Search-ProcessMemory nor a scan that New-ProcessMemoryScan returned in "
                + "this session. A scan cannot be used in another session.", match);
        }

        MemoryValueType? known = type is null ? null : Property<MemoryValueType>(match, "Type", type.ToString()!);
        if (known is null && !Changed && !Unchanged)
        {
            throw new MemProcException(Operation.SelectMatch, Errno.EINVAL,
                "The match has no number type. Use -Changed or -Unchanged, or search with -Type.", match);
        }

        MemoryMatch? kept = Reader(match, Property<int>(match, "ProcessId", id)).Read(
            Property<ulong>(match, "Address", address), Property<byte[]>(match, "Bytes", bytes), known,
            match.Properties["Value"]?.Value, TestFor(known ?? MemoryValueType.Byte));
        if (kept is not null)
        {
            WriteObject(kept);
        }
    }

    private MatchReader Reader(PSObject match, int id)
    {
        object? ticks = match.Properties["ProcessStartTicks"]?.Value;
        ulong? startTicks = ticks is null ? null : Property<ulong>(match, "ProcessStartTicks", ticks);
        object? core = match.Properties["CorePath"]?.Value;
        MemoryTarget process = Processes.Open(
            id, startTicks, core is null or "" ? null : Property<string>(match, "CorePath", core), Cancellation);
        if (_reader is null || process != _process)
        {
            _reader = new MatchReader(process, Cancellation) { AllowUserfault = AllowUserfault };
            _process = process;
        }

        return _reader;
    }

    private ScanTest TestFor(MemoryValueType type)
    {
        if (!_tests.TryGetValue(type, out ScanTest? test))
        {
            test = ValueConditions.From(this, type, Value, Tolerance, GreaterThan, LessThan, Between) is ValueCondition condition
                ? ScanTest.Of(condition)
                : ScanTest.Of(type, Changed ? ScanComparison.Changed : Unchanged ? ScanComparison.Unchanged
                    : Increased ? ScanComparison.Increased : ScanComparison.Decreased);
            _tests.Add(type, test);
        }

        return test;
    }
}

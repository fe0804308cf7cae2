using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Select-ProcessMemoryMatch: looks at matches and scans again, and keeps what changed, did not, and so on.</summary>
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
    private LinuxProcess? _process;
    private ulong? _startTicks;
    private MatchReader? _reader;

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

    protected override void ProcessRecord() => Attempt(() =>
    {
        if (InputObject!.BaseObject is MemoryScan scan)
        {
            Narrow(scan);
        }
        else
        {
            LookAgain(InputObject);
        }
    });

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _process?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Narrow(MemoryScan scan)
    {
        using LinuxProcess process = scan.OpenProcess();
        Progress progress = new(this, $"Looking again at {scan.Count} numbers of process {process.Identity}");
        MemoryScanner scanner = new(process, Cancellation)
        {
            Progress = done => progress.Tell(done.PassedBytes, done.MappedBytes, HumanSize.Format(done.SearchedBytes)),
        };
        try
        {
            WriteObject(scanner.Narrow(scan, TestFor(scan.Type)));
        }
        finally
        {
            progress.End();
        }
    }

    private void LookAgain(PSObject match)
    {
        object? bytes = match.Properties["Bytes"]?.Value, address = match.Properties["Address"]?.Value;
        object? id = match.Properties["ProcessId"]?.Value, type = match.Properties["Type"]?.Value;
        if (bytes is null || address is null || id is null)
        {
            throw new MemProcException(Operation.SelectMatch, Errno.EINVAL, "This is neither a match of Search-ProcessMemory nor a "
                + "scan of New-ProcessMemoryScan of this very session: a scan stays where it was made.", match);
        }

        MemoryValueType? known = type is null ? null : LanguagePrimitives.ConvertTo<MemoryValueType>(type.ToString());
        if (known is null && !Changed && !Unchanged)
        {
            throw new MemProcException(Operation.SelectMatch, Errno.EINVAL, "The match is no number, so only -Changed and -Unchanged "
                + "can be asked of it. Search with -Type for others.", match);
        }

        MemoryMatch? kept = Reader(match, LanguagePrimitives.ConvertTo<int>(id)).Read(
            LanguagePrimitives.ConvertTo<ulong>(address), LanguagePrimitives.ConvertTo<byte[]>(bytes), known,
            match.Properties["Value"]?.Value, TestFor(known ?? MemoryValueType.Byte));
        if (kept is not null)
        {
            WriteObject(kept);
        }
    }

    private MatchReader Reader(PSObject match, int id)
    {
        object? ticks = match.Properties["ProcessStartTicks"]?.Value;
        ulong? startTicks = ticks is null ? null : LanguagePrimitives.ConvertTo<ulong>(ticks);
        if (_process is null || _reader is null || _process.Id != id || _startTicks != startTicks)
        {
            _process?.Dispose();
            _process = null;
            _process = LinuxProcess.Open(id, startTicks);
            _startTicks = startTicks;
            _reader = new MatchReader(_process, Cancellation);
        }

        return _reader;
    }

    private ScanTest TestFor(MemoryValueType type)
    {
        if (!_tests.TryGetValue(type, out ScanTest? test))
        {
            test = Conditions.From(this, type, Value, Tolerance, GreaterThan, LessThan, Between) is ValueCondition condition
                ? ScanTest.Of(condition)
                : ScanTest.Of(type, Changed ? ScanComparison.Changed : Unchanged ? ScanComparison.Unchanged
                    : Increased ? ScanComparison.Increased : ScanComparison.Decreased);
            _tests.Add(type, test);
        }

        return test;
    }
}

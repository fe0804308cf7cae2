using System.Diagnostics;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>New-ProcessMemoryScan: the first look for a number whose place is not known.</summary>
[Cmdlet(VerbsCommon.New, "ProcessMemoryScan", DefaultParameterSetName = AllSet)]
[OutputType(typeof(MemoryScan))]
public sealed class NewProcessMemoryScanCommand : MemoryRangeCommand
{
    private const string AllSet = "All";
    private const string ValueSet = "Value";
    private const string GreaterSet = "GreaterThan";
    private const string LessSet = "LessThan";
    private const string BetweenSet = "Between";

    private ValueCondition? _condition;

    [Parameter(Mandatory = true, Position = 1)]
    public MemoryValueType Type { get; set; }

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
    [ValidateRange(1, SearchPattern.LargestAlignment)]
    public int? Alignment { get; set; }

    [Parameter]
    public SwitchParameter Unaligned { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _condition = Conditions.From(this, Type, Value, Tolerance, GreaterThan, LessThan, Between);
        // Refused before anything is touched.
        Conditions.Try(this, nameof(Type), Type, () => ScanTest.Of(Type, ScanComparison.Changed));
        Conditions.Try(this, nameof(Alignment), Alignment, () =>
            new ValuePattern(_condition ?? ValueCondition.EqualTo(Type, 0), Alignment));
    }

    private protected override void Process(LinuxProcess process, SearchRange range)
    {
        Progress progress = new(this, $"Scanning process {process.Identity}");
        long start = Stopwatch.GetTimestamp();
        MemoryScanner scanner = new(process, Cancellation)
        {
            Range = range,
            Progress = done => progress.Tell(
                done.PassedBytes, done.MappedBytes, Progress.Rate(done.SearchedBytes, start)),
        };
        try
        {
            WriteObject(scanner.Start(Type, _condition, Unaligned ? 1 : Alignment));
        }
        finally
        {
            progress.End();
        }

        TellSkips(process, scanner.SearchedBytes, scanner.Skips);
    }
}

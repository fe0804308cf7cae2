using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>New-ProcessMemoryScan: starts the search for a number whose address is not known.</summary>
[Cmdlet(VerbsCommon.New, "ProcessMemoryScan", DefaultParameterSetName = AllSet)]
[OutputType(typeof(MemoryScan))]
public sealed class NewProcessMemoryScanCommand : MemorySearchCommand
{
    private const string AllSet = "All";

    /// <summary>A scan that can hold more than this is announced by a warning.</summary>
    private const ulong LargeBytes = 1UL << 30;

    private ValueCondition? _condition;

    [Parameter(Mandatory = true, Position = 1)]
    public MemoryValueType Type { get; set; }

    [Parameter]
    [ValidateRange(1, SearchPattern.MaxAlignment)]
    public int? Alignment { get; set; }

    [Parameter]
    public SwitchParameter Unaligned { get; set; }

    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _condition = CreateCondition(Type);
        // Bad combinations are refused before anything is touched.
        ValueConditions.Create(this, nameof(Type), Type, () => ScanTest.Of(Type, ScanComparison.Changed));
        ValueConditions.Create(this, nameof(Alignment), Alignment, () =>
            new ValuePattern(_condition ?? ValueCondition.EqualTo(Type, 0), Alignment));
    }

    private protected override void Process(MemoryTarget process, SearchRange range)
    {
        using Progress progress = new(this, $"Scanning process {process.Identity}");
        MemoryScanner scanner = new(process, Cancellation)
        {
            Range = range,
            Progress = progress.Report,
            Force = Force,
            Estimated = bytes => Announce(process, bytes),
        };
        MemoryValueType type = MemoryValue.For(Type, DataModel.Of(process));
        ValueCondition? condition = type == Type ? _condition : CreateCondition(Type, process);
        WriteObject(scanner.Start(type, condition, Unaligned ? 1 : Alignment));
        ReportSkips(process, scanner.SearchedBytes, scanner.Skips);
    }

    private void Announce(MemoryTarget process, ulong bytes)
    {
        string message = $"Process {process.Identity}: a scan for all numbers can hold up to {HumanSize.Format(bytes)} of "
            + "memory, and each round of Select-ProcessMemoryMatch as much again.";
        if (bytes > LargeBytes)
        {
            WriteWarning($"{message} Specify a value, a range, or -Kind to need less.");
        }
        else
        {
            WriteVerbose(message);
        }
    }
}

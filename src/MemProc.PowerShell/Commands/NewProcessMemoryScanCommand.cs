using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>New-ProcessMemoryScan: starts the search for a number whose address is not known.</summary>
[Cmdlet(VerbsCommon.New, "ProcessMemoryScan", DefaultParameterSetName = AllSet)]
[OutputType(typeof(MemoryScan))]
public sealed class NewProcessMemoryScanCommand : MemorySearchCommand
{
    private const string AllSet = "All";

    private ValueCondition? _condition;

    [Parameter(Mandatory = true, Position = 1)]
    public MemoryValueType Type { get; set; }

    [Parameter]
    [ValidateRange(1, SearchPattern.MaxAlignment)]
    public int? Alignment { get; set; }

    [Parameter]
    public SwitchParameter Unaligned { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _condition = CreateCondition(Type);
        // Bad combinations are refused before anything is touched.
        ValueConditions.Create(this, nameof(Type), Type, () => ScanTest.Of(Type, ScanComparison.Changed));
        ValueConditions.Create(this, nameof(Alignment), Alignment, () =>
            new ValuePattern(_condition ?? ValueCondition.EqualTo(Type, 0), Alignment));
    }

    private protected override void Process(LinuxProcess process, SearchRange range)
    {
        using Progress progress = new(this, $"Scanning process {process.Identity}");
        MemoryScanner scanner = new(process, Cancellation) { Range = range, Progress = progress.Report };
        MemoryValueType type = MemoryValue.For(Type, DataModel.Of(process));
        ValueCondition? condition = type == Type ? _condition : CreateCondition(Type, process);
        WriteObject(scanner.Start(type, condition, Unaligned ? 1 : Alignment));
        ReportSkips(process, scanner.SearchedBytes, scanner.Skips);
    }
}

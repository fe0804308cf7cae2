using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>The base of cmdlets that search the memory of processes, or as much of it as filters select.</summary>
public abstract class MemorySearchCommand : MapFilterCommand<MemoryTarget>
{
    /// <summary>Numbers equal to a value.</summary>
    protected const string ValueSet = "Value";

    /// <summary>Numbers greater than a value.</summary>
    protected const string GreaterSet = "GreaterThan";

    /// <summary>Numbers less than a value.</summary>
    protected const string LessSet = "LessThan";

    /// <summary>Numbers between two values.</summary>
    protected const string BetweenSet = "Between";

    private SearchRange _range = SearchRange.All;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public override AddressExpression[]? Address { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

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
    public SwitchParameter IncludeNotResident { get; set; }

    [Parameter]
    public SwitchParameter AllowUserfault { get; set; }

    [Parameter]
    public ReadMethod Method { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (Id is null && Name is null && !PipelineInput.HasCore(CorePath) && !MyInvocation.ExpectingInput)
        {
            ThrowBadArgument(nameof(Id), "Specify -Id, -Name or -CorePath, or pipe in processes or mappings.", null);
        }

        if (AllowUserfault && !IncludeNotResident)
        {
            ThrowBadArgument(nameof(AllowUserfault), "-AllowUserfault requires -IncludeNotResident: the pages that a "
                + "handler supplies are not resident.", null);
        }

        _range = new SearchRange
        {
            Filter = Filter,
            IncludeNotResident = IncludeNotResident,
            AllowUserfault = AllowUserfault,
            Method = Method,
        };
    }

    /// <summary>The memory that the filters select. Known from BeginProcessing on.</summary>
    private protected SearchRange WholeRange => _range;

    /// <summary>The work on one range of a process.</summary>
    private protected abstract void Process(MemoryTarget process, SearchRange range);

    private protected override void ProcessWhole(MemoryTarget process) => Process(process, _range);

    private protected override void ProcessAddress(MemoryTarget process, ulong address, ulong? length) =>
        Process(process, _range.From(address, length));

    /// <summary>Creates the condition that the parameters make; null where none is given.</summary>
    /// <param name="type">The type of the numbers.</param>
    /// <param name="process">The process that is searched; null: it is not known yet.</param>
    private protected ValueCondition? CreateCondition(MemoryValueType type, MemoryTarget? process = null) =>
        ValueConditions.From(this, type, Value, Tolerance, GreaterThan, LessThan, Between, process);

    /// <summary>Reports what was skipped: as a warning where matches can be missing, else as a verbose message.</summary>
    private protected void ReportSkips(MemoryTarget process, ulong searchedBytes, SearchSkips skips)
    {
        string rest = skips.IsNone ? string.Empty : $"; skipped: {skips}";
        WriteVerbose($"Process {process.Identity}: searched {HumanSize.Format(searchedBytes)}{rest}.");
        if (skips.FailedBytes > 0)
        {
            WriteWarning($"Process {process.Identity}: {HumanSize.Format(skips.FailedBytes)} could not be read and were "
                + "not searched: the kernel refused access, or they were unmapped meanwhile.");
        }

        if (skips.UserfaultBytes > 0)
        {
            WriteWarning($"Process {process.Identity}: {HumanSize.Format(skips.UserfaultBytes)} were not searched, since a "
                + "userfaultfd handler would have to supply them. Use -AllowUserfault to wait for it.");
        }

        if (skips.NotResidentBytes > 0 && process is LinuxProcess && MemoryStatusReader.Read(process).VmSwapBytes is > 0 and ulong swapped)
        {
            WriteWarning($"Process {process.Identity}: {HumanSize.Format(swapped)} in swap were not searched. Use "
                + "-IncludeNotResident to search them.");
        }
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Invoke-ProcessMemoryAdvice: gives the kernel advice about the memory of processes.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "ProcessMemoryAdvice", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(MemoryAdviceResult))]
public sealed class InvokeProcessMemoryAdviceCommand : MapFilterCommand
{
    private const string PageOutSet = "PageOut", ColdSet = "Cold", WillNeedSet = "WillNeed", CollapseSet = "Collapse";

    private ProcessMemoryAdvice _advice;

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = PageOutSet)]
    public SwitchParameter PageOut { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = ColdSet)]
    public SwitchParameter Cold { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = WillNeedSet)]
    public SwitchParameter WillNeed { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = CollapseSet)]
    public SwitchParameter Collapse { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _advice = ParameterSetName switch
        {
            PageOutSet => ProcessMemoryAdvice.PageOut,
            ColdSet => ProcessMemoryAdvice.Cold,
            WillNeedSet => ProcessMemoryAdvice.WillNeed,
            _ => ProcessMemoryAdvice.Collapse,
        };
        ThrowOnError(() => MemoryAdviser.ThrowIfUnsupported(_advice));
    }

    private protected override void ProcessWhole(LinuxProcess process) => Advise(process, null);

    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length) =>
        Advise(process, MemoryAdviser.RangeOf(address, length));

    private void Advise(LinuxProcess process, AddressRange? range)
    {
        MemoryAdviser adviser = new(process, _advice, Cancellation);
        PlannedMemoryAdvice plan = adviser.Plan(range, Filter);
        if (Confirm(plan.Describe()))
        {
            WriteObject(adviser.Execute(plan));
        }
    }
}

using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Set-PagePoison: poisons pages, as a memory error does.</summary>
[Cmdlet(VerbsCommon.Set, "PagePoison", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(PagePoison))]
public sealed class SetPagePoisonCommand : PoisonCommand
{
    private PagePoisoner? _poisoner;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    [ValidateCount(1, 1)]
    public AddressExpression[]? Address { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [PfnTransformation]
    [AllowEmptyCollection]
    public PfnRange[] Pfn { get; set; } = [];

    // Not from the pipeline: pages and frames bring their Pfn.
    [Parameter]
    [PhysicalFrameTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public PfnRange[] PhysicalAddress { get; set; } = [];

    private protected override bool HasFrames => Pfn.Length > 0 || PhysicalAddress.Length > 0;

    protected override void Open() => _poisoner = DisposeAtEnd(new PagePoisoner(cancellation: Cancellation));

    protected override void Process(LinuxProcess? process)
    {
        ulong[] pfns = Frames(
            [.. Pfn, .. PhysicalAddress], Address is null ? "Specify -Address, -Pfn or -PhysicalAddress." : null);
        if (Address is not null && process is null)
        {
            ThrowBadArgument(nameof(Id), "-Address requires a process: specify -Id.", null);
        }

        if (Address is null)
        {
            Poison(process, null, pfns);
        }
        else
        {
            ForEachAddress(process!, Address, (address, _) => Poison(process, address, pfns));
        }
    }

    private void Poison(LinuxProcess? process, ulong? address, ulong[] pfns)
    {
        if (address is not null && pfns.Length == 0)
        {
            Poison(process, address, (ulong?)null);
        }

        foreach (ulong pfn in pfns)
        {
            // One bad frame does not stop the others.
            ReportErrors(() => Poison(process, address, pfn));
        }
    }

    private void Poison(LinuxProcess? process, ulong? address, ulong? pfn)
    {
        PlannedPoison plan = _poisoner!.Prepare(process, address, pfn, Force);
        if (Confirm($"Poison {plan.Description}: a process that accesses it afterwards is killed, or reads it again from its file"))
        {
            WriteObject(_poisoner.Poison(plan));
        }
    }
}

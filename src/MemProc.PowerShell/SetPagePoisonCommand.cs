using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Set-PagePoison: poisons pages, as a memory error would.</summary>
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
    public ProcAddress[]? Address { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [PfnTransformation]
    [AllowEmptyCollection]
    public PfnRange[] Pfn { get; set; } = [];

    protected override void Open() => _poisoner = new PagePoisoner(cancellation: Cancellation);

    protected override void Process(LinuxProcess? process)
    {
        ulong[] pfns = Frames(Pfn, Address is null ? "Give -Address, or -Pfn." : null);
        if (Address is not null && process is null)
        {
            ThrowTerminatingError(Failure.BadArgument(
                nameof(Id), "An address is one of a process: give -Id.", null));
        }

        if (Address is not null && pfns.Length == 0)
        {
            Poison(process, null);
        }

        foreach (ulong pfn in pfns)
        {
            // One bad frame does not stop the others.
            Attempt(() => Poison(process, pfn));
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _poisoner?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Poison(LinuxProcess? process, ulong? pfn)
    {
        PoisonPlan plan = _poisoner!.Prepare(process, Address?[0].Resolve(process!), pfn, Force);
        string action = $"Poison {plan.Place}: whoever touches it afterwards is killed, or reads it again from its file";
        if (ShouldProcess(action, $"{action}. Go on?", "Set-PagePoison"))
        {
            WriteObject(_poisoner.Poison(plan));
        }
    }
}

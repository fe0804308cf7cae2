using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageTableEntry: gets the entries of page tables, from the root to a page.</summary>
[Cmdlet(VerbsCommon.Get, "PageTableEntry", DefaultParameterSetName = LengthSet)]
[OutputType(typeof(PageTableEntry), typeof(PageTableWalk))]
public sealed class GetPageTableEntryCommand : MandatoryAddressCommand
{
    private const string LengthSet = "Length";
    private const string CountSet = "Count";

    private PageTableReader? _reader;

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = LengthSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = CountSet)]
    [ValidateRange(1UL, ulong.MaxValue >> 16)]
    public ulong Count { get; set; }

    [Parameter]
    public SwitchParameter Summary { get; set; }

    [Parameter]
    public KernelReadSource Source { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _reader = DisposeAtEnd(new PageTableReader(Source, cancellation: Cancellation));
    }

    protected override void Process(LinuxProcess process)
    {
        // What fails for the whole process is reported once, not for each address.
        _reader!.Prepare(process);
        base.Process(process);
    }

    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length)
    {
        ulong bytes = ParameterSetName == CountSet
            ? Count * MachinePage.SizeBytes - (address & (MachinePage.SizeBytes - 1))
            : length ?? 1;
        if (Summary)
        {
            WriteEach(_reader!.WalksIn(process, address, bytes));
            return;
        }

        foreach (IReadOnlyList<PageTableEntry> entries in _reader!.EntriesIn(process, address, bytes))
        {
            WriteObject(entries, enumerateCollection: true);
        }
    }
}

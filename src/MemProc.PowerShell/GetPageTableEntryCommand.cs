using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageTableEntry: the raw entries of page tables, from the root to a page.</summary>
[Cmdlet(VerbsCommon.Get, "PageTableEntry", DefaultParameterSetName = LengthSet)]
[OutputType(typeof(PageTableEntry), typeof(PageTableWalk))]
public sealed class GetPageTableEntryCommand : ProcessCommand
{
    private const string LengthSet = "Length";
    private const string CountSet = "Count";

    private PageTableReader? _reader;

    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[] Address { get; set; } = [];

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = LengthSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = CountSet)]
    [ValidateRange(1UL, ulong.MaxValue >> 16)]
    public ulong Count { get; set; }

    [Parameter]
    public SwitchParameter Summary { get; set; }

    [Parameter]
    public KernelReadSource Source { get; set; }

    protected override void BeginProcessing() => _reader = new PageTableReader(Source, cancellation: Cancellation);

    protected override void Process(LinuxProcess process)
    {
        // What fails for the whole process is told once, not for each of its addresses.
        _reader!.Prepare(process);
        using AddressResolution resolution = new(process, Cancellation);
        foreach (ProcAddress given in Address)
        {
            Attempt(() => Write(process, given, resolution.Resolve(given)));
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _reader?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Write(LinuxProcess process, ProcAddress given, ulong address)
    {
        ulong length = ParameterSetName == CountSet
            ? Count * MachinePage.SizeBytes - (address & (MachinePage.SizeBytes - 1))
            : Length ?? given.Length ?? 1;
        if (Summary)
        {
            foreach (PageTableWalk walk in _reader!.WalksIn(process, address, length))
            {
                WriteObject(walk);
            }

            return;
        }

        foreach (IReadOnlyList<PageTableEntry> entries in _reader!.EntriesIn(process, address, length))
        {
            WriteObject(entries, enumerateCollection: true);
        }
    }
}

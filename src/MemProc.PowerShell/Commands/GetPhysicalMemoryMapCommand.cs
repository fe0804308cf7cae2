using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PhysicalMemoryMap: gets the ranges of the physical address space.</summary>
[Cmdlet(VerbsCommon.Get, "PhysicalMemoryMap", DefaultParameterSetName = AllSet)]
[OutputType(typeof(PhysicalRange))]
public sealed class GetPhysicalMemoryMapCommand : MemProcCommand
{
    private const string AllSet = "All";
    private const string AddressSet = "Address";
    private const string FrameSet = "Frame";

    private PhysicalMap? _map;
    private Func<string, bool> _isSelected = _ => true;

    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PhysicalRangeNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Name { get; set; }

    // Not from the pipeline: an Address there is an address in a process.
    [Parameter(Mandatory = true, ParameterSetName = AddressSet)]
    [Alias("PhysicalAddress")]
    [PhysicalAddressTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public ulong[] Address { get; set; } = [];

    [Parameter(
        Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true,
        ParameterSetName = FrameSet)]
    [AllowEmptyCollection]
    [PfnTransformation]
    public PfnRange[] Pfn { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    /// <summary>The core that an object comes from, which is refused: its frames are not those of this machine.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet, DontShow = true)]
    [AllowNull]
    public string[]? CorePath { get; set; }

    protected override void BeginProcessing()
    {
        _map = ThrowOnError(() => PhysicalMap.Read());
        if (Name is not null)
        {
            _isSelected = Wildcard.RangeNames(Name);
        }
    }

    protected override void ProcessRecord()
    {
        if (IsOfCore(CorePath))
        {
            return;
        }

        switch (ParameterSetName)
        {
            case AddressSet:
                foreach (ulong address in Address)
                {
                    // One address outside of all ranges does not stop the others.
                    ReportErrors(() => Write(_map!.Containing(address)));
                }

                break;
            case FrameSet:
                foreach (PfnRange range in Pfn)
                {
                    ReportErrors(() => Write(_map!.ContainingFrames(range.First, Math.Max(range.Count, Count))));
                }

                break;
            default:
                WriteAll();
                break;
        }
    }

    private void WriteAll()
    {
        foreach (string name in Name ?? [])
        {
            if (!WildcardPattern.ContainsWildcardCharacters(name)
                && !_map!.Ranges.Select(range => range.Name).Any(Wildcard.RangeName(name)))
            {
                WriteError(PhysicalMap.NameNotFound(name));
            }
        }

        Write(_map!.Ranges);
    }

    private void Write(IEnumerable<PhysicalRange> ranges)
    {
        foreach (PhysicalRange range in ranges)
        {
            Cancellation.ThrowIfCancellationRequested();
            if (!_isSelected(range.Name))
            {
                continue;
            }

            if (range.IsAddressHidden)
            {
                WarnOnce(PhysicalMap.AddressesHidden);
            }

            WriteObject(range);
        }
    }
}

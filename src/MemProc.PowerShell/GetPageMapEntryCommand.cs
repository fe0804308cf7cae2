using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageMapEntry: what stands behind the pages of processes.</summary>
[Cmdlet(VerbsCommon.Get, "PageMapEntry", DefaultParameterSetName = LengthSet)]
[OutputType(typeof(PageMapEntry))]
public sealed class GetPageMapEntryCommand : ProcessCommand
{
    private const string LengthSet = "Length";
    private const string CountSet = "Count";

    private bool _toldHidden;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = LengthSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = CountSet)]
    [ValidateRange(1UL, ulong.MaxValue >> 12)]
    public ulong Count { get; set; }

    [Parameter]
    public SwitchParameter All { get; set; }

    [Parameter]
    public SwitchParameter Run { get; set; }

    protected override void Process(LinuxProcess process)
    {
        PageMapWalk walk = new(process, Cancellation) { IncludeEmpty = All, JoinRuns = Run };
        if (Address is null)
        {
            if (Length is not null || ParameterSetName == CountSet)
            {
                ThrowTerminatingError(Failure.BadArgument(
                    nameof(Address), "-Length and -Count begin at an address: give -Address.", null));
            }

            Write(walk.All());
            return;
        }

        foreach (ProcAddress address in Address)
        {
            // One bad address does not stop the others.
            Attempt(() => Write(walk.From(
                address.Resolve(process), Length ?? address.Length, ParameterSetName == CountSet ? Count : null)));
        }
    }

    private void Write(IEnumerable<PageMapEntry> entries)
    {
        foreach (PageMapEntry entry in entries)
        {
            if (entry.IsPfnHidden && !_toldHidden)
            {
                _toldHidden = true;
                WriteWarning(PageMapWalk.FramesHidden);
            }

            WriteObject(entry);
        }
    }
}

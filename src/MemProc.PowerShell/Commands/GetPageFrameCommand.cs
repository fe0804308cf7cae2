using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-PageFrame: gets what page frames are used for, and whom they belong to.</summary>
[Cmdlet(VerbsCommon.Get, "PageFrame", DefaultParameterSetName = FrameSet)]
[OutputType(typeof(PageFrame))]
public sealed class GetPageFrameCommand : PageFrameFilterCommand
{
    private const string FrameSet = "Frame";
    private const string PhysicalSet = "Physical";
    private const string ProcessSet = "Process";

    private readonly PipelineBatch<ulong> _waiting;
    private PageFrameReader? _reader;
    private PageFrameFilter? _filter;

    public GetPageFrameCommand() => _waiting = Gather<ulong>(WriteFrames);

    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [AllowEmptyCollection]
    [PfnTransformation(AllowOpen = true)]
    public PfnRange[]? Pfn { get; set; }

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    [Parameter(Mandatory = true, ParameterSetName = PhysicalSet)]
    [PhysicalFrameTransformation]
    [ArgumentCompleter(typeof(PhysicalAddressCompleter))]
    public PfnRange[] PhysicalAddress { get; set; } = [];

    // Not from the pipeline: a page from there has a process too, and is meant by its frame.
    [Parameter(Mandatory = true, ParameterSetName = ProcessSet)]
    [Alias("PID", "ProcessId")]
    [ProcessIdTransformation(hasName: true)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public ProcessSelector[] Id { get; set; } = [];

    [Parameter(ParameterSetName = ProcessSet)]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public AddressExpression[]? Address { get; set; }

    [Parameter(ParameterSetName = ProcessSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    /// <summary>The core that an object comes from, which is refused: its frames are not those of this machine.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet, DontShow = true)]
    [AllowNull]
    public string[]? CorePath { get; set; }

    protected override void BeginProcessing()
    {
        _filter = CreateFilter();
        if (Length is not null && Address is null)
        {
            ThrowBadArgument(nameof(Address), "-Length requires -Address.", null);
        }

        _reader = DisposeAtEnd(new PageFrameReader(Source, cancellation: Cancellation));
        ThrowOnError(_reader.Prepare);
        WriteVerbose($"The kernel's memory is read by {_reader.Source}.");
    }

    protected override void ProcessRecord()
    {
        if (IsOfCore(CorePath))
        {
            return;
        }

        switch (ParameterSetName)
        {
            case PhysicalSet:
                Array.ForEach(PhysicalAddress, AddRange);

                break;
            case ProcessSet:
                ForEachProcess(ProcessNames.Select(this, Id, null)!, null, WriteProcess);
                break;
            default:
                if (Pfn is null && MyInvocation.ExpectingInput)
                {
                    WriteError(Failure.NoPfn());
                    return;
                }

                foreach (PfnRange range in Pfn ?? [new PfnRange(0, _reader!.End)])
                {
                    AddRange(range with { Count = Math.Max(range.Count, Count) });
                }

                break;
        }
    }

    protected override void EndProcessing() => _waiting.Flush();

    private void AddRange(PfnRange range)
    {
        if (range.Count == 1)
        {
            _waiting.Add(range.First);
            return;
        }

        _waiting.Flush();
        ReportErrors(() =>
        {
            if (range.First >= _reader!.End)
            {
                throw PageFrameReader.OutOfRange(range.First);
            }

            WriteEach(_reader.ReadRange(range, _filter));
        });
    }

    private void WriteFrames(ulong[] pfns)
    {
        PageFrame?[] frames = _reader!.Read(pfns);
        for (int index = 0; index < pfns.Length; index++)
        {
            Cancellation.ThrowIfCancellationRequested();
            if (frames[index] is not PageFrame frame)
            {
                WriteError(PageFrameReader.OutOfRange(pfns[index]));
            }
            else if (_filter?.Matches(frame) != false)
            {
                WriteObject(frame);
            }
        }
    }

    private void WriteProcess(LinuxProcess process)
    {
        if (Address is null)
        {
            WriteEach(_reader!.ReadProcess(process, AddressRange.All, _filter));
            return;
        }

        ForEachAddress(process, Address, (address, length) => WriteEach(
            _reader!.ReadAddress(process, address, Length ?? length ?? 1, _filter)));
    }
}

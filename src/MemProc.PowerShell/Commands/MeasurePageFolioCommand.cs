using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Measure-PageFolio: measures in which folios the memory of processes is, and how they are mapped.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "PageFolio")]
[OutputType(typeof(PageFolioSummary))]
public sealed class MeasurePageFolioCommand : MapFilterCommand
{
    private FrameTables? _tables;

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public override ulong? Length { get; set; }

    [Parameter]
    public SwitchParameter ByMap { get; set; }

    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        _tables = DisposeAtEnd(ThrowOnError(() => new FrameTables(FrameAttributes.Flags)));
    }

    private protected override void ProcessWhole(LinuxProcess process) => Write(process, AddressRange.All);

    private protected override void ProcessAddress(LinuxProcess process, ulong address, ulong? length) =>
        Write(process, PageFolioMeter.RangeOf(address, length));

    private void Write(LinuxProcess process, AddressRange range) =>
        WriteEach(new PageFolioMeter(process, _tables!, Cancellation).Measure(range, Filter, ByMap));
}

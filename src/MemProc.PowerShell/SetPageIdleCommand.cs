using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Set-PageIdle: marks pages as idle.</summary>
[Cmdlet(VerbsCommon.Set, "PageIdle", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium,
    DefaultParameterSetName = PageSet)]
[OutputType(typeof(PageIdleMark))]
public sealed class SetPageIdleCommand : ProcessCommand
{
    private const string PageSet = "Page";
    private const string FrameSet = "Frame";

    private PageIdleMarker? _marker;

    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = PageSet)]
    [Alias("Start")]
    [AddressTransformation]
    [ArgumentCompleter(typeof(AddressCompleter))]
    public ProcAddress[]? Address { get; set; }

    [Parameter(Position = 2, ValueFromPipelineByPropertyName = true, ParameterSetName = PageSet)]
    [Alias("SizeBytes")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [AllowEmptyCollection]
    [PfnTransformation]
    public PfnRange[] Pfn { get; set; } = [];

    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = FrameSet)]
    [Alias("PageCount")]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong Count { get; set; } = 1;

    protected override void BeginProcessing()
    {
        // Here only what was written on the command line is bound: objects may well bring both.
        if (MyInvocation.BoundParameters.ContainsKey(nameof(Pfn)) && (Id is not null || Name is not null))
        {
            ThrowTerminatingError(Failure.BadArgument(
                nameof(Pfn), "Frames are marked whoever has them: give -Pfn, or a process.", Pfn));
        }

        _marker = Require(() => new PageIdleMarker(cancellation: Cancellation));
    }

    protected override void ProcessRecord()
    {
        if (ParameterSetName != FrameSet)
        {
            base.ProcessRecord();
            return;
        }

        foreach (PfnRange given in Pfn)
        {
            PfnRange range = given with { Count = Math.Max(given.Count, Count) };
            string frames = range.Count == 1
                ? $"frame 0x{range.First:x}"
                : $"{range.Count} frames from 0x{range.First:x} on";
            Attempt(() => Write($"Mark {frames}, of whoever has them, as idle", () => _marker!.Mark(range)));
        }
    }

    protected override void Process(LinuxProcess process)
    {
        if (Address is null)
        {
            if (Length is not null)
            {
                ThrowTerminatingError(Failure.BadArgument(
                    nameof(Address), "-Length begins at an address: give -Address.", null));
            }

            Write($"Mark all pages of process {process.Identity} as idle", () => _marker!.Mark(process));
            return;
        }

        using AddressResolution resolution = new(process, Cancellation);
        foreach (ProcAddress given in Address)
        {
            // One bad address does not stop the others.
            Attempt(() =>
            {
                ulong address = resolution.Resolve(given);
                ulong length = Length ?? given.Length ?? 1;
                Write($"Mark {HumanSize.Format(length)} at 0x{address:x} of process {process.Identity} as idle, in whole "
                    + "pages", () => _marker!.Mark(process, address, length));
            });
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _marker?.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Write(string action, Func<PageIdleMark> mark)
    {
        if (ShouldProcess(action, $"{action}. Go on?", "Set-PageIdle"))
        {
            WriteObject(mark());
        }
    }
}

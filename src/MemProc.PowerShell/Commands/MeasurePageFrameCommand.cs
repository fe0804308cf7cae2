using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Measure-PageFrame: counts page frames by what they are used for, or whom they belong to.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "PageFrame")]
[OutputType(typeof(PageFrameGroup))]
public sealed class MeasurePageFrameCommand : PageFrameFilterCommand
{
    [Parameter(Position = 0)]
    public PageFrameGrouping By { get; set; }

    [Parameter]
    [PfnTransformation(AllowOpen = true)]
    [ValidateNotNullOrEmpty]
    public PfnRange[]? Pfn { get; set; }

    protected override void ProcessRecord()
    {
        PageFrameFilter? filter = CreateFilter();
        using PageFrameMeter meter = new(Source, cancellation: Cancellation);
        using Progress progress = new(this, "Counting page frames");
        UnreadProcesses unread = new();
        IReadOnlyList<PageFrameGroup> groups = [];
        ReportErrors(() => groups = ThrowOnError(() => meter.Count(
            By, Pfn, filter,
            error =>
            {
                unread.Add(error);
                WriteVerbose(error.Message);
            },
            (done, total) => progress.Report(done, total, $"{done} of {total} frames"))));
        if (unread.Count > 0)
        {
            WriteWarning($"{unread.Of(ProcessList.Ids().Length, "map frames")} Use -Verbose to list them with the reasons.");
        }

        WriteEach(groups);
    }
}

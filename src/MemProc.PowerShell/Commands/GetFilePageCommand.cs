using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Get-FilePage: gets the pages of files in the page cache.</summary>
[Cmdlet(VerbsCommon.Get, "FilePage", DefaultParameterSetName = PathSet)]
[OutputType(typeof(FilePage), typeof(FilePageSummary))]
public sealed class GetFilePageCommand : FilePageCommand
{
    private FilePageWalk? _walk;

    [Parameter]
    public SwitchParameter All { get; set; }

    [Parameter]
    public ulong Offset { get; set; }

    [Parameter]
    [ValidateRange(1UL, ulong.MaxValue)]
    public ulong? Length { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? Flag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? AnyFlag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNullOrEmpty]
    public string[]? NotFlag { get; set; }

    [Parameter]
    [AllowEmptyCollection]
    [ArgumentCompleter(typeof(PageFlagCompleter))]
    [ValidateNotNull]
    public string[]? ExactFlag { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(CgroupCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Cgroup { get; set; }

    [Parameter]
    public SwitchParameter WithFlags { get; set; }

    [Parameter]
    public SwitchParameter Raw { get; set; }

    [Parameter]
    public SwitchParameter Run { get; set; }

    [Parameter]
    public SwitchParameter Summary { get; set; }

    protected override void BeginProcessing()
    {
        string[] pageParameters =
        [
            nameof(All), nameof(WithFlags), nameof(Raw), nameof(Run), nameof(Offset), nameof(Length), nameof(Flag),
            nameof(AnyFlag), nameof(NotFlag), nameof(ExactFlag), nameof(Cgroup),
        ];
        if (Summary && pageParameters.FirstOrDefault(MyInvocation.BoundParameters.ContainsKey) is string parameter)
        {
            ThrowBadArgument(nameof(Summary), $"-Summary cannot be combined with -{parameter}, which is for single pages.", true);
        }

        FrameFilter filter = FrameFilterCommand.CreateFrameFilter(this, Flag, AnyFlag, NotFlag, ExactFlag, Cgroup);
        bool hasFilter = filter.RequiredFields != FrameAttributes.None;
        _walk = DisposeAtEnd(ThrowOnError(
            () => new FilePageWalk(WithFlags || Raw || hasFilter, cancellation: Cancellation)
            {
                IncludeAbsent = All, JoinRuns = Run, RawFlags = Raw, Filter = hasFilter ? filter : null,
                Offset = Offset, Length = Length,
            }));
    }

    private protected override void ProcessFile(string file)
    {
        if (Summary)
        {
            FilePageSummary summary = _walk!.Summarize(file);
            WarnIfResidencyHidden(summary.ResidentPages is null);
            WriteObject(summary);
            return;
        }

        foreach (FilePage page in _walk!.Pages(file))
        {
            Cancellation.ThrowIfCancellationRequested();
            WarnIfResidencyHidden(page.IsResident is null);
            if (page.IsPfnHidden)
            {
                WarnOnce(PageMapWalk.FramesHidden);
            }

            WriteObject(page);
        }
    }

    private void WarnIfResidencyHidden(bool isHidden)
    {
        if (isHidden)
        {
            WarnOnce(FilePageWalk.SomeResidencyHidden);
        }
    }
}

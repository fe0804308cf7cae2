using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Get-ProcMemoryStatus: gets the memory counters of processes.</summary>
[Cmdlet(VerbsCommon.Get, "ProcMemoryStatus")]
[OutputType(typeof(ProcMemoryStatus), typeof(ProcMemoryStatusDetail), typeof(ProcMemoryStatusPages), typeof(ProcMemoryHeadroom))]
public sealed class GetProcMemoryStatusCommand : ProcessCommand<MemoryTarget>
{
    private MemoryRanking? _ranking;
    private int _unread;

    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override string[]? CorePath { get; set; }

    [Parameter]
    public SwitchParameter Detailed { get; set; }

    [Parameter]
    public MemoryStatusMethod Method { get; set; }

    [Parameter]
    public SwitchParameter Headroom { get; set; }

    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int? Top { get; set; }

    [Parameter]
    public MemoryCounter? By { get; set; }

    /// <summary>All processes are ranked where none is given.</summary>
    private protected override IEnumerable<SelectedProcess> DefaultProcesses => Top is null
        ? base.DefaultProcesses
        : ProcessList.Ids().Select(id => new SelectedProcess(id, IsFromPattern: true));

    protected override void BeginProcessing()
    {
        if (Detailed && Headroom)
        {
            ThrowBadArgument(nameof(Headroom), "-Headroom cannot be combined with -Detailed.", true);
        }

        if (Headroom && Top is not null)
        {
            ThrowBadArgument(nameof(Headroom), "-Headroom cannot be combined with -Top.", true);
        }

        if (Top is int count)
        {
            _ranking = new MemoryRanking(count, By ?? MemoryCounter.Rss);
        }
        else if (By is not null)
        {
            ThrowBadArgument(nameof(Top), "-By requires -Top: how many processes to get.", By);
        }

        if (Method != MemoryStatusMethod.Rollup && !Detailed)
        {
            ThrowBadArgument(nameof(Method), "-Method requires -Detailed.", Method);
        }
    }

    protected override void Process(MemoryTarget process)
    {
        if (_ranking is not null)
        {
            Rank(process);
            return;
        }

        if (Headroom)
        {
            ProcMemoryHeadroom headroom = MemoryHeadroomReader.Read(process, Cancellation);
            if (headroom.HiddenFiles.Count > 0)
            {
                WarnOnce(MemoryHeadroomReader.SomeHidden);
            }

            WriteObject(headroom);
            return;
        }

        if (Method == MemoryStatusMethod.Pages)
        {
            ProcMemoryStatusPages pages = new PageMemoryMeter(
                process as LinuxProcess ?? throw NotLive(process.CorePath!), Cancellation).Read();
            if (pages.PssBytes is null)
            {
                WarnOnce(PageMemoryMeter.CountsHidden);
            }

            WriteObject(pages);
            return;
        }

        WriteObject(Detailed ? MemoryStatusReader.ReadDetailed(process) : MemoryStatusReader.Read(process));
    }

    protected override void EndProcessing()
    {
        if (_ranking is not null)
        {
            WriteObject(_ranking.Take(), enumerateCollection: true);
        }

        if (_unread > 0)
        {
            WriteWarning($"{_unread} processes could not be read and are not in the list. Use -Verbose to list them with the "
                + "reasons.");
        }
    }

    private void Rank(MemoryTarget process)
    {
        Cancellation.ThrowIfCancellationRequested();
        try
        {
            _ranking!.Add(Detailed || _ranking.NeedsDetail
                ? MemoryStatusReader.ReadDetailed(process)
                : MemoryStatusReader.Read(process));
        }
        catch (MemProcException error) when (error.Errno is Errno.EACCES or Errno.EPERM && Id is null && Name is null)
        {
            // Without a choice of processes, those of other users are not what was asked for.
            _unread++;
            WriteVerbose(error.Message);
        }
    }
}

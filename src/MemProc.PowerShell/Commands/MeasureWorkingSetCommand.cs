using System.Globalization;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Measure-WorkingSet: measures the memory that processes access in a period.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "WorkingSet", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium,
    DefaultParameterSetName = SecondsSet)]
[OutputType(typeof(WorkingSet), typeof(WorkingSetSummary))]
public sealed class MeasureWorkingSetCommand : ProcessCommand
{
    private const string SecondsSet = "Seconds";
    private const string DuringSet = "During";

    private readonly HashSet<(int Id, ulong StartTicks)> _seen = [];
    private readonly List<LinuxProcess> _chosen = [];
    private readonly List<LinuxProcess> _measured = [];
    private WorkingSetMeter? _meter;

    [Parameter(Position = 1, ParameterSetName = SecondsSet)]
    [ValidateRange(0.0, WorkingSetMeter.MaxSeconds)]
    public double Seconds { get; set; } = 5;

    [Parameter(Mandatory = true, ParameterSetName = DuringSet)]
    [ValidateNotNull]
    public ScriptBlock? During { get; set; }

    [Parameter]
    public WorkingSetMethod Method { get; set; }

    [Parameter]
    public SwitchParameter Summary { get; set; }

    protected override void BeginProcessing()
    {
        _meter = DisposeAtEnd(ThrowOnError(() => WorkingSetMeter.Open(Method, cancellation: Cancellation)));
        if (_meter.Reason is string reason)
        {
            WriteVerbose($"Measured by {_meter.Method}: {reason}");
        }
    }

    /// <summary>Notes a process. All are measured at the same time, when the pipeline has ended.</summary>
    protected override void Process(LinuxProcess process)
    {
        // The pipeline brings several objects of one process where they are mappings.
        if (!_seen.Add((process.Id, process.Identity.StartTicks)))
        {
            return;
        }

        string what = _meter!.Method == WorkingSetMethod.Idle ? "Mark all pages" : "Clear the referenced bits of all pages";
        string mark = _meter.Method == WorkingSetMethod.Idle ? " as idle" : string.Empty;
        if (Confirm($"{what} of process {process.Identity}{mark}, {Wait()} and count which were accessed"))
        {
            Processes.Keep(process);
            _chosen.Add(process);
        }
    }

    protected override void EndProcessing()
    {
        ReportErrors(() =>
        {
            foreach (LinuxProcess process in _chosen)
            {
                ReportErrors(() =>
                {
                    OpenProcesses.ThrowIfGone(process);
                    _meter!.Add(process);
                    _measured.Add(process);
                });
            }

            if (_measured.Count > 0)
            {
                _meter!.Start();
                LetRun(During, Seconds, "Measuring working sets");
            }

            foreach (LinuxProcess process in _measured)
            {
                ReportErrors(() => Write(process));
            }
        });
    }

    private string Wait() => During is null
        ? string.Create(CultureInfo.InvariantCulture, $"wait {Seconds:0.###} s")
        : "run the script block";

    private void Write(LinuxProcess process)
    {
        if (Summary)
        {
            WriteObject(_meter!.Summarize(process));
            return;
        }

        WriteEach(_meter!.Read(process));
    }
}

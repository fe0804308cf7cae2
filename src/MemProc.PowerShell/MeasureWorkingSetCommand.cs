using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Measure-WorkingSet: what processes touch in a while.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "WorkingSet", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium,
    DefaultParameterSetName = SecondsSet)]
[OutputType(typeof(WorkingSet), typeof(WorkingSetSummary))]
public sealed class MeasureWorkingSetCommand : ProcessCommand
{
    private const string SecondsSet = "Seconds";
    private const string DuringSet = "During";
    private const double LongestSeconds = 7 * 24 * 60 * 60;

    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(250);

    private readonly HashSet<(int Id, ulong StartTicks)> _seen = [];
    private readonly List<ProcessIdentity> _chosen = [];
    private readonly List<LinuxProcess> _measured = [];
    private WorkingSetMeter? _meter;

    [Parameter(Position = 1, ParameterSetName = SecondsSet)]
    [ValidateRange(0.0, LongestSeconds)]
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
        _meter = Require(() => WorkingSetMeter.Open(Method, cancellation: Cancellation));
        if (_meter.Reason is string reason)
        {
            WriteVerbose($"Measured by {_meter.Method}: {reason}");
        }
    }

    /// <summary>All processes are measured at the same time, so each is only noted here.</summary>
    protected override void Process(LinuxProcess process)
    {
        // Several objects of one process come down the pipeline where they are mappings.
        if (!_seen.Add((process.Id, process.Identity.StartTicks)))
        {
            return;
        }

        string what = _meter!.Method == WorkingSetMethod.Idle ? "Mark all pages" : "Clear the referenced bits of all pages";
        string mark = _meter.Method == WorkingSetMethod.Idle ? " as idle" : string.Empty;
        string action = $"{what} of process {process.Identity}{mark}, {Wait()} and see which were touched";
        if (ShouldProcess(action, $"{action}. Go on?", "Measure-WorkingSet"))
        {
            _chosen.Add(process.Identity);
        }
    }

    protected override void EndProcessing()
    {
        Attempt(() =>
        {
            foreach (ProcessIdentity identity in _chosen)
            {
                Attempt(() => Add(identity));
            }

            if (_measured.Count > 0)
            {
                _meter!.Start();
                Pass();
            }

            foreach (LinuxProcess process in _measured)
            {
                Attempt(() => Write(process));
            }
        });
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _measured.ForEach(process => process.Dispose());
            _meter?.Dispose();
        }

        base.Dispose(disposing);
    }

    private string Wait() => During is null
        ? string.Create(CultureInfo.InvariantCulture, $"wait {Seconds:0.###} s")
        : "run the script block";

    private void Add(ProcessIdentity identity)
    {
        LinuxProcess process = LinuxProcess.Open(identity.ProcessId, identity.StartTicks);
        try
        {
            _meter!.Add(process);
            _measured.Add(process);
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>Lets the processes run.</summary>
    private void Pass()
    {
        if (During is not null)
        {
            During.Invoke();
            return;
        }

        Progress progress = new(this, "Measuring working sets");
        TimeSpan whole = TimeSpan.FromSeconds(Seconds);
        long start = Stopwatch.GetTimestamp();
        for (TimeSpan rest = whole; rest > TimeSpan.Zero; rest = whole - Stopwatch.GetElapsedTime(start))
        {
            if (Cancellation.WaitHandle.WaitOne(rest < Breath ? rest : Breath))
            {
                Cancellation.ThrowIfCancellationRequested();
            }

            double done = Math.Min(Seconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
            progress.Tell((ulong)(done * 1000), (ulong)(Seconds * 1000) + 1,
                string.Create(CultureInfo.InvariantCulture, $"{done:0} of {Seconds:0.#} s"));
        }

        progress.End();
    }

    private void Write(LinuxProcess process)
    {
        if (Summary)
        {
            WriteObject(_meter!.Summarize(process));
            return;
        }

        foreach (WorkingSet mapping in _meter!.Read(process))
        {
            WriteObject(mapping);
        }
    }
}

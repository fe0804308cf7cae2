using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>The base of all cmdlets: cancellation, errors, warnings, confirmation, and what is disposed at the end.</summary>
public abstract class MemProcCommand : PSCmdlet, IDisposable
{
    /// <summary>Maximum number of objects from the pipeline that are gathered, so that results come soon.</summary>
    private const int PipelineItems = 1024;

    /// <summary>How often a wait reports its progress.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);

    private readonly CancellationTokenSource _cancellation = new();
    private readonly Stack<IDisposable> _resources = [];
    private readonly HashSet<string> _warnings = [];

    /// <summary>Canceled by Ctrl-C.</summary>
    protected CancellationToken Cancellation => _cancellation.Token;

    /// <summary>The processes that the cmdlet has open.</summary>
    private protected OpenProcesses Processes { get; } = new();

    protected override void StopProcessing() => _cancellation.Cancel();

    /// <summary>Runs one piece of the work. A failure in it becomes an error record and does not stop the others.</summary>
    protected void ReportErrors(Action work)
    {
        try
        {
            work();
        }
        catch (MemProcException error)
        {
            WriteError(error);
        }
        catch (OperationCanceledException)
        {
            throw new PipelineStoppedException();
        }
    }

    /// <summary>Opens a core by its path in PowerShell.</summary>
    /// <exception cref="MemProcException">As for <see cref="CoreFile.Open"/>.</exception>
    private protected CoreFile OpenCore(string path) => Processes.OpenCore(CorePathOf(path), Cancellation);

    /// <summary>Returns the path of a core in the file system.</summary>
    /// <exception cref="MemProcException">ReadCore, EINVAL: it is not a valid path.</exception>
    private protected string CorePathOf(string path) => path.Contains('\0', StringComparison.Ordinal)
        ? throw new MemProcException(
            Operation.ReadCore, Errno.EINVAL, $"'{SafeText.Escape(path)}' is not a valid path: it contains a NUL character.", path)
        : SessionState.Path.GetUnresolvedProviderPathFromPSPath(path);

    /// <summary>
    /// Ends the cmdlet where -CorePath has no value on the command line. Objects of live processes have none, either.
    /// </summary>
    private protected void RefuseEmptyCore(string[]? corePath)
    {
        if (!MyInvocation.ExpectingInput && MyInvocation.BoundParameters.ContainsKey("CorePath")
            && !PipelineInput.HasCore(corePath))
        {
            ThrowBadArgument("CorePath", "-CorePath has no value.", corePath);
        }
    }

    /// <summary>Creates the error for an object from a core that is given to a cmdlet for live processes.</summary>
    private protected MemProcException NotLive(string path) => CoreFile.NotLive(path, MyInvocation.MyCommand.Name);

    /// <summary>
    /// Returns whether an object comes from a core, which is an error then: the cmdlet is about frames or files of this
    /// machine.
    /// </summary>
    private protected bool IsOfCore(string[]? corePath)
    {
        if (PipelineInput.HasCore(corePath))
        {
            WriteError(NotLive(corePath[0]));
            return true;
        }

        return false;
    }

    /// <summary>
    /// Opens processes and does the work on each. One that fails does not stop the others. Kernel threads that wildcards or
    /// the pipeline bring are left out, and so is what wildcards have found and exits meanwhile.
    /// </summary>
    /// <param name="selected">The processes.</param>
    /// <param name="startTicks">The start time that an object of the pipeline carries; null: any.</param>
    /// <param name="work">The work.</param>
    /// <param name="tryHidden">Answers for a process that cannot be opened since /proc hides it; null: that is an error.</param>
    private protected void ForEachProcess(
        IEnumerable<SelectedProcess> selected, ulong? startTicks, Action<LinuxProcess> work, Func<int, bool>? tryHidden = null)
    {
        foreach (SelectedProcess one in selected)
        {
            ReportErrors(() =>
            {
                try
                {
                    LinuxProcess process = Processes.Open(one.Id, one.StartTicks ?? startTicks);
                    if (process.IsKernelThread && (one.IsFromPattern || MyInvocation.ExpectingInput))
                    {
                        WriteVerbose($"Process {process.Identity} is a kernel thread: it has no memory of its own.");
                        return;
                    }

                    work(process);
                }
                catch (MemProcException error)
                    when (tryHidden is not null && AccessTester.IsHidden(error) && tryHidden(one.Id))
                {
                }
                catch (MemProcException error) when (one.IsFromPattern && error.Errno == Errno.ESRCH)
                {
                    WriteVerbose(error.Message);
                }
            });
        }
    }

    /// <summary>Resolves addresses in a process and does the work on each. One that fails does not stop the others.</summary>
    /// <param name="process">The process.</param>
    /// <param name="addresses">Numbers and expressions.</param>
    /// <param name="work">The work: on the address, and the bytes that it stands for where that is known.</param>
    /// <param name="withSymbolSizes">The length of a symbol is its size.</param>
    private protected void ForEachAddress(
        MemoryTarget process, AddressExpression[] addresses, Action<ulong, ulong?> work, bool withSymbolSizes = false)
    {
        using AddressResolution resolution = new(process, Cancellation);
        foreach (AddressExpression address in addresses)
        {
            ReportErrors(() => work(
                resolution.Resolve(address), address.Length ?? (withSymbolSizes ? resolution.SizeOf(address) : null)));
        }
    }

    /// <summary>Does what the whole cmdlet depends on. A failure in it ends the cmdlet.</summary>
    internal void ThrowOnError(Action work) => ThrowOnError(() =>
    {
        work();
        return true;
    });

    /// <summary>Creates what the whole cmdlet depends on. A failure in it ends the cmdlet.</summary>
    internal T ThrowOnError<T>(Func<T> create)
    {
        try
        {
            return create();
        }
        catch (MemProcException error)
        {
            ThrowTerminatingError(Failure.Record(error));
            throw;
        }
    }

    /// <summary>Ends the cmdlet because of an argument, before anything is touched.</summary>
    [DoesNotReturn]
    internal void ThrowBadArgument(string parameter, string message, object? value)
    {
        ThrowTerminatingError(Failure.BadArgument(parameter, message, value));
        throw new UnreachableException();
    }

    /// <summary>Writes a failure as a nonterminating error.</summary>
    internal void WriteError(MemProcException error) => WriteError(Failure.Record(error));

    /// <summary>Writes a warning, once however often it applies.</summary>
    protected void WarnOnce(string message)
    {
        if (_warnings.Add(message))
        {
            WriteWarning(message);
        }
    }

    /// <summary>Warns, once a session, where processes are stopped on a .NET runtime that MemProc does not know.</summary>
    private protected void WarnBeforeStop()
    {
        if (ProcessStop.TakeRuntimeWarning() is string warning)
        {
            WriteWarning(warning);
        }
    }

    /// <summary>
    /// Creates the batch in which a cmdlet gathers what the pipeline brings. It is worked on before the process that it is
    /// about is closed; a failure becomes an error record. The cmdlet flushes it at the end.
    /// </summary>
    /// <param name="work">The work on the items.</param>
    /// <param name="maxItems">Maximum number of items that are gathered.</param>
    private protected PipelineBatch<T> Gather<T>(Action<T[]> work, int maxItems = PipelineItems)
    {
        PipelineBatch<T> batch = new(maxItems, items => ReportErrors(() => work(items)));
        Processes.Closing = batch.Flush;
        return batch;
    }

    /// <summary>Writes objects as they arrive, until Ctrl-C.</summary>
    protected void WriteEach<T>(IEnumerable<T> items)
    {
        foreach (T item in items)
        {
            Cancellation.ThrowIfCancellationRequested();
            WriteObject(item);
        }
    }

    /// <summary>Runs a script block, or waits, while what is measured goes on.</summary>
    /// <param name="during">The script block; null: wait.</param>
    /// <param name="seconds">How long to wait.</param>
    /// <param name="activity">What the wait is for.</param>
    private protected void LetRun(ScriptBlock? during, double seconds, string activity)
    {
        if (during is not null)
        {
            during.Invoke();
            return;
        }

        using Progress progress = new(this, activity);
        TimeSpan whole = TimeSpan.FromSeconds(seconds);
        long start = Stopwatch.GetTimestamp();
        for (TimeSpan rest = whole; rest > TimeSpan.Zero; rest = whole - Stopwatch.GetElapsedTime(start))
        {
            if (Cancellation.WaitHandle.WaitOne(rest < PollInterval ? rest : PollInterval))
            {
                Cancellation.ThrowIfCancellationRequested();
            }

            double done = Math.Min(seconds, Stopwatch.GetElapsedTime(start).TotalSeconds);
            progress.Report((ulong)(done * 1000), (ulong)(seconds * 1000) + 1,
                string.Create(CultureInfo.InvariantCulture, $"{done:0} of {seconds:0.#} s"));
        }
    }

    /// <summary>Returns whether the user agrees to an action, such as <c>Clear the soft-dirty bits of …</c>.</summary>
    protected bool Confirm(string action) =>
        ShouldProcess(action, $"{action}. Continue?", MyInvocation.MyCommand.Name);

    /// <summary>Executes checked writes after confirmation.</summary>
    /// <param name="transaction">The checked writes.</param>
    /// <param name="stop">Stop the process while it is written.</param>
    /// <param name="verify">Read the bytes back.</param>
    /// <param name="passThru">Write what was done to the pipeline.</param>
    /// <returns>What was done; empty where the user did not agree.</returns>
    /// <exception cref="MemProcException">A write failed; none has remained.</exception>
    private protected IReadOnlyList<MemoryWrite> Commit(MemoryTransaction transaction, bool stop, bool verify, bool passThru)
    {
        if (!Confirm(transaction.Describe(stop)))
        {
            return [];
        }

        if (stop)
        {
            WarnBeforeStop();
        }

        IReadOnlyList<MemoryWrite> writes = transaction.Commit(stop, verify);
        if (passThru)
        {
            WriteObject(writes, enumerateCollection: true);
        }

        return writes;
    }

    /// <summary>Has a resource disposed when the cmdlet ends.</summary>
    private protected T DisposeAtEnd<T>(T resource)
        where T : IDisposable
    {
        _resources.Push(resource);
        return resource;
    }

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            while (_resources.TryPop(out IDisposable? resource))
            {
                resource.Dispose();
            }

            Processes.Dispose();
            _cancellation.Dispose();
        }
    }
}

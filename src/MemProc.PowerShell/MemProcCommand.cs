using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>What every cmdlet does alike: it stops on Ctrl-C and tells failures in one form.</summary>
public abstract class MemProcCommand : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _cancellation = new();

    /// <summary>Cancelled by Ctrl-C.</summary>
    protected CancellationToken Cancellation => _cancellation.Token;

    protected override void StopProcessing() => _cancellation.Cancel();

    /// <summary>Runs a piece of work; what fails in it is written as an error and does not stop the others.</summary>
    protected void Attempt(Action work)
    {
        try
        {
            work();
        }
        catch (MemProcException error)
        {
            WriteError(Failure.Record(error));
        }
        catch (OperationCanceledException)
        {
            throw new PipelineStoppedException();
        }
    }

    /// <summary>Warns, once a session, where processes are stopped on a .NET runtime that MemProc does not know.</summary>
    internal void WarnBeforeStop()
    {
        if (ProcessStop.TakeRuntimeWarning() is string warning)
        {
            WriteWarning(warning);
        }
    }

    /// <summary>Does what the whole cmdlet rests on; a failure in it ends the cmdlet.</summary>
    internal void Require(Action work) => Require(() =>
    {
        work();
        return true;
    });

    /// <summary>The same for something that is opened.</summary>
    internal T Require<T>(Func<T> open)
    {
        try
        {
            return open();
        }
        catch (MemProcException error)
        {
            ThrowTerminatingError(Failure.Record(error));
            throw;
        }
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
            _cancellation.Dispose();
        }
    }
}

namespace MemProc.PowerShell;

/// <summary>How cmdlets carry out writes that were checked.</summary>
internal static class Transactions
{
    /// <summary>Asks, writes, and gives what was done to the pipeline.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="transaction">What was checked.</param>
    /// <param name="stop">Hold the process still meanwhile.</param>
    /// <param name="verify">Read the bytes back.</param>
    /// <param name="passThru">Give what was done to the pipeline.</param>
    /// <exception cref="MemProcException">It failed.</exception>
    public static void CarryOut(
        MemProcCommand cmdlet, MemoryTransaction transaction, bool stop, bool verify, bool passThru)
    {
        string action = transaction.Action(stop);
        if (cmdlet.ShouldProcess(action, $"{action}. Go on?", cmdlet.MyInvocation.MyCommand.Name))
        {
            if (stop)
            {
                cmdlet.WarnBeforeStop();
            }

            IReadOnlyList<MemoryWrite> writes = transaction.Commit(stop, verify);
            if (passThru)
            {
                cmdlet.WriteObject(writes, enumerateCollection: true);
            }
        }
    }
}

namespace MemProc.Tests;

/// <summary>Runs transactions with the usual options of tests.</summary>
internal static class Transactions
{
    /// <summary>Runs a transaction of one write.</summary>
    public static MemoryWrite Do(this MemoryTransaction transaction, bool stop = false, bool verify = false) =>
        Assert.Single(transaction.Commit(stop, verify));
}

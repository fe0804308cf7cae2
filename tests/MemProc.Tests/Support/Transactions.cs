namespace MemProc.Tests;

/// <summary>Carries transactions out as most tests want it.</summary>
internal static class Transactions
{
    /// <summary>Carries out a transaction of one write.</summary>
    public static MemoryWrite Do(this MemoryTransaction transaction, bool stop = false, bool verify = false) =>
        Assert.Single(transaction.Commit(stop, verify));
}

namespace MemProc.Tests;

/// <summary>Kernel same-page merging (KSM), running until it is disposed.</summary>
internal sealed class Ksm : IDisposable
{
    private const string Folder = "/sys/kernel/mm/ksm";
    private readonly string _run = Read("run");
    private readonly string _pagesToScan = Read("pages_to_scan");

    private Ksm()
    {
    }

    /// <summary>Starts it; skips the test if the kernel does not support it.</summary>
    public static Ksm On()
    {
        Requires.Root();
        Assert.SkipUnless(File.Exists($"{Folder}/run"), "needs KSM (CONFIG_KSM)");
        Ksm ksm = new();
        Write("pages_to_scan", "5000");
        Write("run", "1");
        return ksm;
    }

    /// <summary>Waits until the kernel has scanned everything twice, when it has merged the pages.</summary>
    public static void WaitForMerging()
    {
        int scans = int.Parse(Read("full_scans"));
        Assert.True(SpinWait.SpinUntil(() =>
        {
            Thread.Sleep(20);
            return int.Parse(Read("full_scans")) >= scans + 3;
        }, TestTimeout.OfSeconds(30)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // 2 unmerges all merged pages.
        Write("run", "2");
        Write("run", _run);
        Write("pages_to_scan", _pagesToScan);
    }

    private static string Read(string name) => File.ReadAllText($"{Folder}/{name}").Trim();

    private static void Write(string name, string value) => File.WriteAllText($"{Folder}/{name}", value);
}

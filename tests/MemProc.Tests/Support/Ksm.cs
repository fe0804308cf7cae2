namespace MemProc.Tests;

/// <summary>The kernel's merging of identical pages, running as long as a test needs it.</summary>
internal sealed class Ksm : IDisposable
{
    private const string Folder = "/sys/kernel/mm/ksm";
    private readonly string _run = Read("run");
    private readonly string _pagesToScan = Read("pages_to_scan");

    private Ksm()
    {
    }

    /// <summary>Starts it; skips the test where the kernel has none.</summary>
    public static Ksm On()
    {
        Requires.Root();
        Assert.SkipUnless(File.Exists($"{Folder}/run"), "needs KSM (CONFIG_KSM)");
        Ksm ksm = new();
        Write("pages_to_scan", "5000");
        Write("run", "1");
        return ksm;
    }

    /// <summary>Waits until the kernel has looked at everything twice, which is when it merges.</summary>
    public static void WaitForMerging()
    {
        int scans = int.Parse(Read("full_scans"));
        Assert.True(SpinWait.SpinUntil(() =>
        {
            Thread.Sleep(20);
            return int.Parse(Read("full_scans")) >= scans + 3;
        }, TimeSpan.FromSeconds(30)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // 2 takes apart what was merged.
        Write("run", "2");
        Write("run", _run);
        Write("pages_to_scan", _pagesToScan);
    }

    private static string Read(string name) => File.ReadAllText($"{Folder}/{name}").Trim();

    private static void Write(string name, string value) => File.WriteAllText($"{Folder}/{name}", value);
}

namespace MemProc.Tests;

/// <summary>A small swap area, until it is disposed.</summary>
internal sealed class Swap : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _file;
    private bool _isOn;

    private Swap() => _file = _folder.File("swap", new byte[32 * 1024 * 1024]);

    /// <summary>Creates the area; skips the test if the machine does not allow it.</summary>
    public static Swap On()
    {
        Requires.Root();
        string make = Requires.Tool("mkswap");
        Swap swap = new();
        try
        {
            File.SetUnixFileMode(swap._file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Shell.Run(make, swap._file);
            (int exitCode, _, string errors) = Shell.Try(Requires.Tool("swapon"), [swap._file]);
            Assert.SkipWhen(exitCode != 0, $"needs a swap file: {errors}");
            swap._isOn = true;
            return swap;
        }
        catch
        {
            swap.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Swaps out one page of a target. The kernel does not page out a page that is still in a per-CPU batch: the request is
    /// repeated until the page is in swap.
    /// </summary>
    public static void PageOut(TargetProcess target, ulong address)
    {
        const int MadvisePageOut = 21;
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        for (int attempt = 0; attempt < 100; attempt++)
        {
            target.Ask($"advise {address} {Page.Size} {MadvisePageOut}");
            if (new PageMapWalk(process).Range(address, Page.Size).Single().IsSwapped)
            {
                return;
            }

            Thread.Sleep(50);
        }

        Assert.Fail($"The kernel does not swap out the page at 0x{address:x}.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isOn)
        {
            _isOn = false;
            Shell.Run(Requires.Tool("swapoff"), _file);
        }

        _folder.Dispose();
    }
}

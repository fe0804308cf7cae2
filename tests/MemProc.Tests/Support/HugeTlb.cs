using System.Globalization;

namespace MemProc.Tests;

/// <summary>A reserved hugetlb page and a mounted hugetlbfs, until it is disposed.</summary>
internal sealed class HugeTlb : IDisposable
{
    private const string Count = "/proc/sys/vm/nr_hugepages";

    private readonly TemporaryFolder _folder = new();
    private readonly string _before = Reserved();
    private bool _isMounted;

    private HugeTlb()
    {
    }

    /// <summary>Size of the page in bytes.</summary>
    public static ulong PageBytes { get; } = 1024 * ulong.Parse(
        File.ReadLines("/proc/meminfo").First(line => line.StartsWith("Hugepagesize:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    /// <summary>A file of one huge page.</summary>
    public string FilePath => Path.Combine(_folder.Path, "huge");

    /// <summary>Returns the number of reserved pages; empty if the kernel does not support them.</summary>
    public static string Reserved() => File.Exists(Count) ? File.ReadAllText(Count).Trim() : "";

    /// <summary>Reserves the page; skips the test if the kernel has no free one.</summary>
    public static HugeTlb Reserve()
    {
        Requires.Root();
        Assert.SkipUnless(File.Exists(Count), "needs hugetlb pages (CONFIG_HUGETLB_PAGE)");
        HugeTlb reserved = new();
        try
        {
            int requested = int.Parse(reserved._before, CultureInfo.InvariantCulture) + 1;
            File.WriteAllText(Count, $"{requested}");
            Assert.SkipUnless(File.ReadAllText(Count).Trim() == $"{requested}", "the kernel had no huge page to give");
            (int exitCode, _, string errors) = Shell.Try(
                Requires.Tool("mount"), ["-t", "hugetlbfs", "none", reserved._folder.Path]);
            Assert.SkipWhen(exitCode != 0, $"needs hugetlbfs: {errors}");
            reserved._isMounted = true;
            using FileStream file = File.Create(reserved.FilePath);
            file.SetLength((long)PageBytes);
            return reserved;
        }
        catch
        {
            reserved.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isMounted)
        {
            _isMounted = false;
            Shell.Run(Requires.Tool("umount"), _folder.Path);
        }

        File.WriteAllText(Count, _before);
        _folder.Dispose();
    }
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests;

/// <summary>A file whose pages a test loads into the page cache and drops from it.</summary>
internal sealed class CachedFile : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Creates the file; all of it is in memory.</summary>
    /// <param name="pages">Number of whole pages.</param>
    /// <param name="rest">Bytes after them.</param>
    public CachedFile(int pages, int rest = 0)
    {
        byte[] content = new byte[pages * (int)Page.Size + rest];
        new Random(1).NextBytes(content);
        FilePath = _folder.File("cached", content);
        PageCount = pages + (rest > 0 ? 1 : 0);
    }

    /// <summary>Its path.</summary>
    public string FilePath { get; }

    /// <summary>The number of pages.</summary>
    public int PageCount { get; }

    /// <summary>
    /// Drops all but some pages from memory; these are read one by one. Skips the test if the temporary folder is
    /// itself in memory.
    /// </summary>
    public void KeepOnly(params int[] pages)
    {
        using (TargetProcess target = TargetProcess.Start())
        {
            target.Ask($"evict 0 0 {FilePath}");
        }

        Assert.SkipWhen(Residency().Contains(true), "needs a temporary folder on a disk, whose pages can be dropped");
        foreach (int page in pages)
        {
            Read(page);
        }

        Assert.Equal(pages.Order(), Resident());
    }

    /// <summary>Reads one byte of a page, without readahead.</summary>
    public void Read(int page)
    {
        using SafeFileHandle file = File.OpenHandle(FilePath, options: FileOptions.RandomAccess);
        Assert.Equal(1, RandomAccess.Read(file, new byte[1], page * (long)Page.Size));
    }

    /// <summary>Returns which pages are in memory according to the kernel.</summary>
    public bool[] Residency()
    {
        using SafeFileHandle file = File.OpenHandle(FilePath);
        Assert.Equal(Errno.None, Libc.TryMapFile(file, 0, (ulong)PageCount * Page.Size, out SafeMapping? mapping));
        using (mapping)
        {
            byte[] pages = new byte[PageCount];
            Assert.Equal(Errno.None, Libc.TryMinCore(mapping!, pages));
            return Array.ConvertAll(pages, page => page != 0);
        }
    }

    /// <summary>Returns the indices of the pages in memory.</summary>
    public int[] Resident() => [.. Residency().Index().Where(page => page.Item).Select(page => page.Index)];

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();
}

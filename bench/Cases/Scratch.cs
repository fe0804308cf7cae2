namespace MemProc.Bench;

/// <summary>A folder for files in memory (tmpfs), so that no disk is measured.</summary>
internal sealed class Scratch : IDisposable
{
    private const string Memory = "/dev/shm";

    private static readonly byte[] Chunk = new byte[1024 * 1024];

    private readonly string _folder;

    private Scratch(string folder) => _folder = folder;

    /// <summary>Makes it.</summary>
    /// <param name="bytes">What must be free, for files and processes together.</param>
    /// <exception cref="SkippedException">There is no such file system, or less memory.</exception>
    public static Scratch InMemory(ulong bytes)
    {
        DriveInfo drive = new(Memory);
        if (drive.DriveFormat != "tmpfs" || (ulong)drive.AvailableFreeSpace < bytes || Machine.AvailableBytes < bytes)
        {
            throw new SkippedException($"it takes a tmpfs on {Memory} and {HumanSize.Format(bytes)} of free memory");
        }

        string folder = System.IO.Path.Combine(Memory, $"memproc-bench-{Environment.ProcessId}");
        Directory.CreateDirectory(folder);
        return new Scratch(folder);
    }

    /// <summary>The path of a file in it.</summary>
    public string Path(string name) => System.IO.Path.Combine(_folder, name);

    /// <summary>
    /// Uses free memory and frees it again. The host of a virtual machine takes memory that has been free for some seconds
    /// and is informed (<c>mm/page_reporting.c</c>); getting it back takes several times as long as writing to it. What
    /// was free a moment ago is given out first.
    /// </summary>
    /// <param name="bytes">How much, rounded up to MiB.</param>
    public void BringBack(ulong bytes)
    {
        string path = Path("filler");
        using (FileStream filler = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            for (ulong done = 0; done < bytes; done += (ulong)Chunk.Length)
            {
                filler.Write(Chunk);
            }
        }

        File.Delete(path);
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_folder, recursive: true);
}

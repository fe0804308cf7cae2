namespace MemProc.Tests;

/// <summary>A folder of a test's own, readable by every user; removed in the end.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("memproc-");

    /// <summary>Makes the folder.</summary>
    public TemporaryFolder() => _folder.UnixFileMode |= UnixFileMode.GroupRead | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>The folder's path.</summary>
    public string Path => _folder.FullName;

    /// <summary>Makes a file in it.</summary>
    /// <returns>The file's path.</returns>
    public string File(string name, ReadOnlySpan<byte> content)
    {
        string path = System.IO.Path.Combine(Path, name);
        System.IO.File.WriteAllBytes(path, content);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);
}

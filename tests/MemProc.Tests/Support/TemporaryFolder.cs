namespace MemProc.Tests;

/// <summary>A new temporary folder that every user can read, until it is disposed.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("memproc-");

    /// <summary>Creates the folder.</summary>
    public TemporaryFolder() => _folder.UnixFileMode |= UnixFileMode.GroupRead | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <summary>The folder's path.</summary>
    public string Path => _folder.FullName;

    /// <summary>Creates a file in it.</summary>
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

using System.Text.Json;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A directory that new raw files replace: an empty one, or one that holds nothing but raw files and their index.
/// </summary>
/// <remarks>Everything happens relative to the directory as it was opened, whatever takes its name meanwhile.</remarks>
internal sealed class PreviousDump : IDisposable
{
    private readonly SafeFileHandle _parent;
    private readonly SafeFileHandle _folder;
    private readonly string _path;
    private readonly string[] _files;

    private PreviousDump(SafeFileHandle parent, SafeFileHandle folder, string path, bool overwrite)
    {
        _parent = parent;
        _folder = folder;
        _path = path;
        // The entries of an open directory, whose handle outlives the enumeration.
        string opened = $"/proc/self/fd/{folder.DangerousGetHandle()}";
        _files = [.. Directory.EnumerateFileSystemEntries(opened).Select(entry => Path.GetFileName(entry))];
        if (_files.Length > 0 && !overwrite)
        {
            throw AtomicFile.Failure(path, Errno.EEXIST);
        }

        HashSet<string> known = _files.Length > 0 ? FilesOf(opened) : [];
        if (Array.Find(_files, file => !known.Contains(file)) is string other)
        {
            throw new MemProcException(Operation.WriteFile, Errno.EEXIST,
                $"'{SafeText.Escape(path)}' holds other files than saved memory, such as '{SafeText.Escape(other)}', and was "
                + "not changed.", path);
        }
    }

    /// <summary>Opens the directory; null where nothing has its name.</summary>
    /// <param name="parent">The directory that it is in.</param>
    /// <param name="path">Its path.</param>
    /// <param name="overwrite">It may hold raw files.</param>
    /// <exception cref="MemProcException">
    /// WriteFile: it cannot be replaced; ENOTDIR where it is no directory.
    /// </exception>
    public static PreviousDump? Open(SafeFileHandle parent, string path, bool overwrite)
    {
        string name = Path.GetFileName(path);
        Errno errno = Libc.TryStatX(parent, name, out FileStatus status, followLinks: false);
        if (errno == Errno.ENOENT)
        {
            return null;
        }

        if (errno == Errno.None && !status.IsDirectory)
        {
            throw new MemProcException(Operation.WriteFile, Errno.ENOTDIR,
                $"'{SafeText.Escape(path)}' is no directory; raw files need one.", path);
        }

        errno = Libc.TryOpenAt(parent, name, OpenAccess.ReadOnly, out SafeFileHandle? folder, followLinks: false);
        if (folder is null)
        {
            throw AtomicFile.Failure(path, errno);
        }

        try
        {
            return new PreviousDump(parent, folder, path, overwrite);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Removes the files and the directory.</summary>
    /// <exception cref="MemProcException">
    /// WriteFile: it cannot be removed, or another file was added meanwhile.
    /// </exception>
    public void Remove()
    {
        Errno errno = Errno.None;
        foreach (string file in _files)
        {
            errno = Libc.TryUnlinkAt(_folder, file);
            if (errno != Errno.None)
            {
                break;
            }
        }

        errno = errno == Errno.None ? Libc.TryUnlinkAt(_parent, Path.GetFileName(_path), isDirectory: true) : errno;
        if (errno != Errno.None)
        {
            throw AtomicFile.Failure(_path, errno);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    /// <summary>The files that an index lists, and the index; none where there is no valid index.</summary>
    private static HashSet<string> FilesOf(string folder)
    {
        try
        {
            MemoryIndex index = MemoryIndex.Load(folder);
            return [MemoryIndex.FileName, .. index.Mappings.Select(mapping => mapping?.File).OfType<string>()];
        }
        catch (Exception error) when (error is JsonException or IOException)
        {
            return [];
        }
    }
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// An ELF file on disk. It is read, not mapped, so that a file that is truncated meanwhile is an error and not SIGBUS.
/// </summary>
public sealed class ElfFileSource : ElfSource
{
    private readonly SafeFileHandle _file;

    /// <summary>Takes ownership of an open file.</summary>
    /// <param name="file">The file; it is closed when this is disposed.</param>
    /// <param name="name">Its path, for messages.</param>
    /// <exception cref="MemProcException">ReadElf: EISDIR, EINVAL where it is not a regular file.</exception>
    public ElfFileSource(SafeFileHandle file, string name)
    {
        Errno errno = Libc.TryStatX(file, out FileStatus status);
        if (errno != Errno.None || !status.IsRegular)
        {
            file.Dispose();
            errno = errno != Errno.None ? errno : status.IsDirectory ? Errno.EISDIR : Errno.EINVAL;
            throw Refused(errno, name, errno == Errno.EINVAL ? "is not a regular file" : "cannot be read");
        }

        _file = file;
        Name = name;
        Length = status.SizeBytes;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override ulong Length { get; }

    /// <summary>Opens a file by its path.</summary>
    /// <exception cref="MemProcException">ReadElf: it cannot be opened, or is not a regular file.</exception>
    public static ElfFileSource Open(string path)
    {
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.ReadNonBlocking, out SafeFileHandle? file);
        return new ElfFileSource(file ?? throw Refused(errno, path, "cannot be opened"), path);
    }

    /// <inheritdoc/>
    public override int Read(ulong offset, Span<byte> buffer)
    {
        try
        {
            return Libc.PReadFully(_file, buffer, offset);
        }
        catch (ErrnoException error)
        {
            throw Refused(error.Errno, Name, "cannot be read");
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private static MemProcException Refused(Errno errno, string path, string what) => new(Operation.ReadElf, errno,
        $"{SafeText.Escape(path)} {what}: {ErrnoException.Describe(errno)} ({errno}).", path);
}

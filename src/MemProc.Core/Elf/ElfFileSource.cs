using MemProc.Interop;

namespace MemProc;

/// <summary>
/// An ELF file on disk. It is read, not mapped, so that a file that is truncated meanwhile is an error and not SIGBUS.
/// </summary>
public sealed class ElfFileSource : ElfSource
{
    private readonly CheckedFile _file;
    private readonly CancellationToken _cancellation;

    /// <summary>Takes ownership of an open file.</summary>
    /// <param name="file">The file; it is closed when this is disposed.</param>
    /// <param name="name">Its path, for messages.</param>
    /// <param name="cancellation">Stops reads.</param>
    internal ElfFileSource(CheckedFile file, string name, CancellationToken cancellation = default)
    {
        _file = file;
        _cancellation = cancellation;
        Name = name;
        Length = file.Status.SizeBytes;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override ulong Length { get; }

    /// <summary>Opens a file by its path.</summary>
    /// <param name="path">The path.</param>
    /// <param name="cancellation">Stops reads.</param>
    /// <exception cref="MemProcException">
    /// ReadElf: it cannot be opened; EISDIR, EINVAL where it is not a regular file.
    /// </exception>
    public static ElfFileSource Open(string path, CancellationToken cancellation = default) =>
        CheckedFile.TryOpen(path, OpenAccess.ReadChecked, out CheckedFile? file) is FileRefusal refusal
            ? throw Refused(refusal.Errno, path, refusal.Reason)
            : new ElfFileSource(file!, path, cancellation);

    /// <inheritdoc/>
    public override int Read(ulong offset, Span<byte> buffer)
    {
        Errno errno = _file.TryRead(buffer, offset, _cancellation, out int read);
        return errno == Errno.None ? read : throw Refused(errno, Name, "cannot be read");
    }

    /// <inheritdoc/>
    internal override bool TryFindStored(ulong offset, out ulong start, out ulong end) =>
        Libc.TryFindStored(_file.Handle, offset, out start, out end) is bool found ? found
            : base.TryFindStored(offset, out start, out end);

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

using MemProc.Interop;

namespace MemProc;

/// <summary>The bytes of an ELF image, by their offset in the file.</summary>
public abstract class ElfSource : IDisposable
{
    /// <summary>Bytes of the longest table that is read at once. Sparse files can claim terabytes.</summary>
    private const ulong MaxTableBytes = 32 * 1024 * 1024;

    /// <summary>Name of the image, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>The path of the file, or the kernel's name for the mapping.</summary>
    public virtual string Path => Name;

    /// <summary>Name of the member of an archive; null where it is a file of its own.</summary>
    public virtual string? Member => null;

    /// <summary>Length in bytes.</summary>
    public abstract ulong Length { get; }

    /// <summary>
    /// Parts can be missing: memory holds only the loaded parts of a file, and some of them changed.
    /// </summary>
    public virtual bool IsMemory => false;

    /// <summary>Reads bytes.</summary>
    /// <returns>Bytes read: fewer than requested before the end, or before a missing part.</returns>
    /// <exception cref="MemProcException">ReadElf: the kernel refused the read.</exception>
    public abstract int Read(ulong offset, Span<byte> buffer);

    /// <summary>Finds the next bytes that are stored, after a hole of a sparse file, which reads as zeros.</summary>
    /// <param name="offset">Where to begin.</param>
    /// <param name="start">Offset of the first stored byte at or after it.</param>
    /// <param name="end">Offset of the next hole, or of the end.</param>
    /// <returns>False where only a hole follows.</returns>
    internal virtual bool TryFindStored(ulong offset, out ulong start, out ulong end)
    {
        start = offset;
        end = Length;
        return start < end;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// Returns the file offset that the source itself maps at an address; null where it knows of none. An image in
    /// memory knows where it was loaded, a file does not.
    /// </summary>
    internal virtual ulong? OffsetOf(ulong address) => null;

    /// <summary>Whether a range is within the length, to be checked before memory is allocated for it.</summary>
    internal bool Contains(ulong offset, ulong length) => offset <= Length && length <= Length - offset;

    /// <summary>Reads a whole range.</summary>
    /// <param name="offset">Offset of the first byte.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="what">Name of the range, for the error.</param>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: a part of it is missing.</exception>
    internal byte[] ReadExactly(ulong offset, ulong length, string what)
    {
        if (!Contains(offset, length))
        {
            throw Malformed($"{what}, {length} bytes from offset 0x{offset:x} on, extend past its end at 0x{Length:x}");
        }

        if (length > MaxTableBytes)
        {
            throw Malformed($"{what} would have {length} bytes, more than a valid file has");
        }

        byte[] bytes = new byte[(int)length];
        int read = Read(offset, bytes);
        return read == bytes.Length ? bytes
            : throw Malformed($"{what} cannot be read after offset 0x{offset + (ulong)read:x}");
    }

    /// <summary>Creates the exception for a malformed image.</summary>
    internal MemProcException Malformed(string fault) =>
        new(Operation.ReadElf, Errno.ENOEXEC, $"{SafeText.Escape(Name)}: {fault}.", Name);

    /// <summary>Releases resources.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

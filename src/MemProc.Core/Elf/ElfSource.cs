using MemProc.Interop;

namespace MemProc;

/// <summary>Where the bytes of an ELF image come from, by their offset in the file.</summary>
public abstract class ElfSource : IDisposable
{
    /// <summary>No table that is read at once is longer in a sound file; sparse files can claim terabytes.</summary>
    private const ulong LongestTable = 32 * 1024 * 1024;

    /// <summary>What is read, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>The path of the file, or the kernel's name for the mapping.</summary>
    public virtual string Path => Name;

    /// <summary>Offset behind the last byte.</summary>
    public abstract ulong Length { get; }

    /// <summary>
    /// Parts may be missing: memory holds only what a program needs of its file, and parts of that are changed.
    /// </summary>
    public virtual bool IsMemory => false;

    /// <summary>Reads bytes.</summary>
    /// <returns>How many: fewer than asked for where the end, or a part that is missing, follows.</returns>
    /// <exception cref="MemProcException">ReadElf: the kernel refused.</exception>
    public abstract int Read(ulong offset, Span<byte> buffer);

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

    /// <summary>Whether all of a range can be there, before room is made for it.</summary>
    internal bool Holds(ulong offset, ulong length) => offset <= Length && length <= Length - offset;

    /// <summary>Reads a range that has to be there.</summary>
    /// <param name="offset">Its first byte.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="what">What it is, for the error.</param>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it is not.</exception>
    internal byte[] ReadWhole(ulong offset, ulong length, string what)
    {
        if (!Holds(offset, length))
        {
            throw Broken($"{what}, {length} bytes from offset 0x{offset:x} on, reach beyond its end at 0x{Length:x}");
        }

        if (length > LongestTable)
        {
            throw Broken($"{what} would have {length} bytes, more than any file has");
        }

        byte[] bytes = new byte[(int)length];
        int read = Read(offset, bytes);
        return read == bytes.Length ? bytes
            : throw Broken($"{what} cannot be read behind offset 0x{offset + (ulong)read:x}");
    }

    /// <summary>The exception for an image that says something impossible.</summary>
    internal MemProcException Broken(string fault) =>
        new(Operation.ReadElf, Errno.ENOEXEC, $"{SafeText.Escape(Name)}: {fault}.", Name);

    /// <summary>Lets go of what is open.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

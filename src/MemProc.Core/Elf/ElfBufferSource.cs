namespace MemProc;

/// <summary>An ELF image in an array.</summary>
/// <param name="bytes">The bytes of the whole file.</param>
/// <param name="name">Name of the image, for messages.</param>
public sealed class ElfBufferSource(ReadOnlyMemory<byte> bytes, string name) : ElfSource
{
    /// <inheritdoc/>
    public override string Name => name;

    /// <inheritdoc/>
    public override ulong Length => (ulong)bytes.Length;

    /// <inheritdoc/>
    public override int Read(ulong offset, Span<byte> buffer)
    {
        if (offset >= Length)
        {
            return 0;
        }

        ReadOnlySpan<byte> rest = bytes.Span[(int)offset..];
        rest = rest[..Math.Min(rest.Length, buffer.Length)];
        rest.CopyTo(buffer);
        return rest.Length;
    }
}

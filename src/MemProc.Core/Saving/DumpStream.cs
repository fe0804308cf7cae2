namespace MemProc;

/// <summary>Where a dump's bytes go, one after the other; only its head is written last.</summary>
internal abstract class DumpStream : IDisposable
{
    /// <summary>Bytes so far, holes included; of a compressed file, before compression.</summary>
    public ulong Position { get; protected set; }

    /// <summary>Adds bytes.</summary>
    public abstract void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Adds zeros.</summary>
    public abstract void Skip(ulong length);

    /// <summary>Ends the file with what its first bytes were kept free for.</summary>
    /// <param name="head">As many bytes as were said at the beginning.</param>
    /// <returns>The length of the file.</returns>
    public abstract ulong End(ReadOnlySpan<byte> head);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Begins one.</summary>
    /// <param name="file">The file.</param>
    /// <param name="compress">Compress it.</param>
    /// <param name="headBytes">Bytes to keep free at its beginning.</param>
    public static DumpStream Begin(NewFile file, bool compress, int headBytes) =>
        compress ? new GzipStream(file, headBytes) : new SparseStream(file, headBytes);
}

using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Writes the bytes of a dump in their order; only its header is written last.</summary>
internal abstract class DumpFileWriter : IDisposable
{
    /// <summary>Bytes so far, holes included; of a compressed file, before compression.</summary>
    public ulong Position { get; protected set; }

    /// <summary>Appends bytes.</summary>
    public abstract void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Appends zeros.</summary>
    public abstract void Skip(ulong length);

    /// <summary>Appends zeros up to a position.</summary>
    public void SkipTo(ulong position) => Skip(position - Position);

    /// <summary>Completes the file with its header.</summary>
    /// <param name="header">As many bytes as were reserved for it.</param>
    /// <returns>Length of the file in bytes.</returns>
    public abstract ulong End(ReadOnlySpan<byte> header);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Begins a dump.</summary>
    /// <param name="file">The file. It stays open.</param>
    /// <param name="compress">Compress it with gzip.</param>
    /// <param name="headerBytes">Bytes to reserve for the header.</param>
    public static DumpFileWriter Begin(SafeFileHandle file, bool compress, int headerBytes) =>
        compress ? new GzipFileWriter(file, headerBytes) : new SparseFileWriter(file, headerBytes);
}

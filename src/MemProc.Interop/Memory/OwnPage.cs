namespace MemProc.Interop;

/// <summary>
/// A page of this very process that nothing else uses: what the kernel does to pages is tried on it first. It is
/// never part of a huge page, so that what happens to its neighbours does not show in its entry.
/// </summary>
public sealed class OwnPage : IDisposable
{
    private readonly SafeMapping _mapping = Libc.MapMemory((ulong)Environment.SystemPageSize);

    /// <summary>Maps the page and writes to it, so that a frame stands behind it.</summary>
    /// <exception cref="ErrnoException">The kernel gives no memory.</exception>
    public OwnPage()
    {
        // EINVAL: a kernel without huge pages, where there is nothing to forbid.
        _ = Libc.TryAdvise(_mapping, MemoryAdvice.NoHugePage);
        Touch();
    }

    /// <summary>Its address.</summary>
    public ulong Address => _mapping.Address;

    /// <summary>Writes to the page, by a plain instruction as any program does.</summary>
    public unsafe void Touch()
    {
        ObjectDisposedException.ThrowIf(_mapping.IsClosed, this);
        byte* first = (byte*)_mapping.Address;
        Volatile.Write(ref *first, (byte)(Volatile.Read(ref *first) + 1));
    }

    /// <summary>Writes bytes to its beginning.</summary>
    /// <param name="bytes">At most a page of them.</param>
    public unsafe void Write(ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_mapping.IsClosed, this);
        bytes.CopyTo(new Span<byte>((void*)_mapping.Address, Environment.SystemPageSize));
    }

    /// <inheritdoc/>
    public void Dispose() => _mapping.Dispose();
}

namespace MemProc.Interop;

/// <summary>
/// An anonymous page of this process for testing what the kernel does to pages. It is never part of a huge page, so
/// that its pagemap entry does not depend on its neighbours.
/// </summary>
public sealed class OwnPage : IDisposable
{
    private readonly SafeMapping _mapping = Libc.MapMemory((ulong)Environment.SystemPageSize);

    /// <summary>Maps the page and writes to it, so that a frame backs it.</summary>
    /// <exception cref="ErrnoException">Memory cannot be allocated.</exception>
    public OwnPage()
    {
        // EINVAL: a kernel without huge pages, where there is nothing to disable.
        _ = Libc.TryAdvise(_mapping, MemoryAdvice.NoHugePage);
        Touch();
    }

    /// <summary>Address of the page.</summary>
    public ulong Address => _mapping.Address;

    /// <summary>Writes to the page with a plain store.</summary>
    public unsafe void Touch()
    {
        ObjectDisposedException.ThrowIf(_mapping.IsClosed, this);
        byte* first = (byte*)_mapping.Address;
        Volatile.Write(ref *first, (byte)(Volatile.Read(ref *first) + 1));
    }

    /// <summary>Makes the page a guard region, which must not be accessed. False where the kernel has none.</summary>
    public bool TryGuard() => Libc.TryAdvise(_mapping, MemoryAdvice.GuardInstall) == Errno.None;

    /// <summary>Writes bytes at the start of the page.</summary>
    /// <param name="bytes">At most one page of bytes.</param>
    public unsafe void Write(ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_mapping.IsClosed, this);
        bytes.CopyTo(new Span<byte>((void*)_mapping.Address, Environment.SystemPageSize));
    }

    /// <inheritdoc/>
    public void Dispose() => _mapping.Dispose();
}

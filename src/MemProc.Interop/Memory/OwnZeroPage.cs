namespace MemProc.Interop;

/// <summary>A page of this process that was read and never written: the kernel's page of zeros backs it.</summary>
public sealed class OwnZeroPage : IDisposable
{
    private readonly SafeMapping _mapping = Libc.MapMemory((ulong)Environment.SystemPageSize);

    /// <summary>Maps the page and reads it.</summary>
    /// <exception cref="ErrnoException">Memory cannot be allocated.</exception>
    public unsafe OwnZeroPage() => _ = Volatile.Read(ref *(byte*)_mapping.Address);

    /// <summary>Address of the page.</summary>
    public ulong Address => _mapping.Address;

    /// <inheritdoc/>
    public void Dispose() => _mapping.Dispose();
}

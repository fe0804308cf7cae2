namespace MemProc.Interop;

/// <summary>The kernel's own memory, open for reading.</summary>
public abstract class KernelMemory : IDisposable
{
    /// <summary>The largest length that <see cref="ReadMany"/> takes, bytes.</summary>
    public const int MaxBatchedBytes = 256;

    /// <summary>Reads kernel memory.</summary>
    /// <param name="address">A virtual address of the kernel.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <returns>EFAULT: nothing can be read there.</returns>
    public abstract Errno TryRead(ulong address, Span<byte> buffer);

    /// <summary>
    /// Reads structures of equal size in the shortest possible time, so that they are likely to be consistent.
    /// </summary>
    /// <param name="addresses">Their addresses.</param>
    /// <param name="length">Bytes of each, at most <see cref="MaxBatchedBytes"/>.</param>
    /// <param name="buffer">Receives them, one after another.</param>
    /// <returns>The number that were read: all, or those before the first that cannot be read.</returns>
    public virtual int ReadMany(ReadOnlySpan<ulong> addresses, int length, Span<byte> buffer)
    {
        for (int index = 0; index < addresses.Length; index++)
        {
            if (TryRead(addresses[index], buffer.Slice(index * length, length)) != Errno.None)
            {
                return index;
            }
        }

        return addresses.Length;
    }

    /// <summary>Returns the address of the calling thread's task_struct; 0 if this method cannot identify it.</summary>
    public abstract ulong CurrentTask();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what is open.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

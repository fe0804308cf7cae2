namespace MemProc.Interop;

/// <summary>A way to read the kernel's own memory. It only reads.</summary>
public abstract class KernelMemory : IDisposable
{
    /// <summary>Most bytes of each structure that <see cref="TryReadMany"/> reads.</summary>
    public const int LargestOfMany = 256;

    /// <summary>Reads memory of the kernel.</summary>
    /// <param name="address">A virtual address of the kernel.</param>
    /// <param name="buffer">Where the bytes go.</param>
    /// <returns>EFAULT: nothing can be read there.</returns>
    public abstract Errno TryRead(ulong address, Span<byte> buffer);

    /// <summary>
    /// Reads equally long structures in as short a time as possible, so that they are likely to be of one moment.
    /// </summary>
    /// <param name="addresses">Where they are.</param>
    /// <param name="length">Bytes of each, at most <see cref="LargestOfMany"/>.</param>
    /// <param name="buffer">Where they go, side by side.</param>
    /// <returns>EFAULT: one of them cannot be read.</returns>
    public virtual Errno TryReadMany(ReadOnlySpan<ulong> addresses, int length, Span<byte> buffer)
    {
        for (int index = 0; index < addresses.Length; index++)
        {
            Errno errno = TryRead(addresses[index], buffer.Slice(index * length, length));
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return Errno.None;
    }

    /// <summary>The address of the calling thread's task_struct.</summary>
    /// <returns>0 where this way cannot tell.</returns>
    public abstract ulong CurrentTask();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Lets go of what is open.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }
}

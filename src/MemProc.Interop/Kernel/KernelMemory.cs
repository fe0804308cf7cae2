namespace MemProc.Interop;

/// <summary>A way to read the kernel's own memory. It only reads.</summary>
public abstract class KernelMemory : IDisposable
{
    /// <summary>Reads memory of the kernel.</summary>
    /// <param name="address">A virtual address of the kernel.</param>
    /// <param name="buffer">Where the bytes go.</param>
    /// <returns>EFAULT: nothing can be read there.</returns>
    public abstract Errno TryRead(ulong address, Span<byte> buffer);

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

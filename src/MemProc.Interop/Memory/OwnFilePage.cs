using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>A page of a file in memory that this process maps: the same frame by a file, an address, and the page cache.</summary>
public sealed class OwnFilePage : IDisposable
{
    private readonly SafeMapping _mapping;

    /// <summary>Creates a file of one page, writes to it and maps it.</summary>
    /// <exception cref="ErrnoException">Memory cannot be allocated.</exception>
    public OwnFilePage()
    {
        File = Libc.CreateMemoryFile("memproc");
        try
        {
            byte[] bytes = new byte[Environment.SystemPageSize];
            bytes[0] = 1;
            Errno errno = Libc.TryPWrite(File, bytes, 0, out _);
            SafeMapping? mapping = null;
            if (errno == Errno.None)
            {
                errno = Libc.TryMapFile(File, 0, (ulong)bytes.Length, out mapping);
            }

            _mapping = mapping ?? throw new ErrnoException("mmap of a file in memory", errno);
            Touch();
        }
        catch
        {
            File.Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public SafeFileHandle File { get; }

    /// <summary>Address of the page.</summary>
    public ulong Address => _mapping.Address;

    /// <summary>Reads the page, so that the page table refers to its frame.</summary>
    public unsafe void Touch()
    {
        ObjectDisposedException.ThrowIf(_mapping.IsClosed, this);
        _ = Volatile.Read(ref *(byte*)_mapping.Address);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mapping.Dispose();
        File.Dispose();
    }
}

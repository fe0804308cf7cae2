using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Reads the kernel's memory. It is opened at the first use and serves all processes. Answers about a process come
/// through <see cref="KernelProcess"/>, which requires that this user may read the process' own memory.
/// </summary>
/// <param name="source">How to read it.</param>
/// <param name="files">Where the kernel's file systems are mounted; null for the usual places.</param>
internal sealed class KernelReader(KernelReadSource source, KernelFiles? files) : IDisposable
{
    private readonly KernelFiles _files = files ?? KernelFiles.Default;
    private Opened? _opened;
    private KernelPageTables? _pageTables;
    private KernelVmemmap? _vmemmap;
    private VmcoreInfo? _vmcoreInfo;
    private bool _isVmemmapUnknown;
    private ulong _ownTask;

    /// <summary>Creates a reader over memory and page tables that are known already.</summary>
    /// <param name="memory">The memory; disposed with the reader.</param>
    /// <param name="files">Where the kernel's file systems are mounted.</param>
    /// <param name="pageTables">Where page tables are, and their layout.</param>
    /// <param name="vmemmap">Where struct pages are; null: to be found.</param>
    internal KernelReader(
        KernelMemory memory, KernelFiles files, KernelPageTables pageTables, KernelVmemmap? vmemmap = null)
        : this(KernelReadSource.Kcore, files)
    {
        _opened = new Opened(memory, KernelReadSource.Kcore, KernelOffsets.Of(files));
        _pageTables = pageTables;
        _vmemmap = vmemmap;
    }

    /// <summary>The method that reads the memory: never Auto.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory, ReadBtf: no method works; the message has the reasons.</exception>
    public KernelReadSource Source => Kernel.Source;

    /// <summary>Offsets in the kernel's structures.</summary>
    /// <inheritdoc cref="Source" path="/exception"/>
    public KernelOffsets Layout => Kernel.Layout;

    /// <summary>Where page tables are in the kernel's addresses, and their layout.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory: the location cannot be found.</exception>
    public KernelPageTables PageTables => _pageTables ??= KernelPageTables.Find(this, _files, CurrentTask());

    /// <summary>Where struct pages are in the kernel's addresses.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory: the location cannot be found.</exception>
    public KernelVmemmap Vmemmap => _vmemmap ??= KernelVmemmap.Find(this, _files);

    /// <summary>Where struct pages are; null where the location cannot be found.</summary>
    public KernelVmemmap? KnownVmemmap
    {
        get
        {
            if (_vmemmap is null && !_isVmemmapUnknown)
            {
                try
                {
                    _ = Vmemmap;
                }
                catch (MemProcException)
                {
                    _isVmemmapUnknown = true;
                }
            }

            return _vmemmap;
        }
    }

    /// <summary>The kernel's notes for readers of its memory.</summary>
    public VmcoreInfo VmcoreInfo => _vmcoreInfo ??= VmcoreInfo.Read(this);

    /// <summary>Where the kernel's file systems are mounted.</summary>
    public KernelFiles Files => _files;

    private Opened Kernel => _opened ??= Open();

    /// <summary>Reads memory; an error where it may be gone.</summary>
    /// <returns>EFAULT: nothing can be read there.</returns>
    public Errno TryRead(ulong address, Span<byte> buffer) => Kernel.Memory.TryRead(address, buffer);

    /// <inheritdoc cref="KernelMemory.ReadMany"/>
    /// <returns>False if one of them cannot be read.</returns>
    public bool TryReadMany(ReadOnlySpan<ulong> addresses, int length, Span<byte> buffer) =>
        Kernel.Memory.ReadMany(addresses, length, buffer) == addresses.Length;

    /// <summary>Reads structures of equal size, each of which may be gone.</summary>
    /// <param name="addresses">Their addresses.</param>
    /// <param name="length">Bytes of each, at most <see cref="KernelMemory.MaxBatchedBytes"/>.</param>
    /// <param name="buffer">Receives them, one after another; zeros where one cannot be read.</param>
    /// <param name="isRead">Receives whether each was read.</param>
    public void ReadEach(ReadOnlySpan<ulong> addresses, int length, Span<byte> buffer, Span<bool> isRead)
    {
        for (int done = 0; done < addresses.Length;)
        {
            int read = Kernel.Memory.ReadMany(addresses[done..], length, buffer[(done * length)..]);
            isRead.Slice(done, read).Fill(true);
            done += read;
            if (done < addresses.Length)
            {
                buffer.Slice(done * length, length).Clear();
                isRead[done++] = false;
            }
        }
    }

    /// <summary>Reads memory that must exist.</summary>
    /// <exception cref="MemProcException">ReadKernelMemory, EFAULT: nothing can be read there.</exception>
    public void Read(ulong address, Span<byte> buffer)
    {
        Errno errno = TryRead(address, buffer);
        if (errno != Errno.None)
        {
            throw new MemProcException(Operation.ReadKernelMemory, errno,
                $"The kernel's memory at 0x{address:x} cannot be read: {ErrnoException.Describe(errno)} ({errno}).", address);
        }
    }

    /// <summary>Reads a member of 64 bits.</summary>
    /// <param name="structure">Address of the structure.</param>
    /// <param name="offset">Offset of the member in bytes.</param>
    /// <inheritdoc cref="Read" path="/exception"/>
    public ulong ReadUInt64(ulong structure, int offset)
    {
        ulong value = 0;
        Read(structure + (ulong)offset, MemoryMarshal.AsBytes(new Span<ulong>(ref value)));
        return value;
    }

    /// <summary>Reads a member of 32 bits.</summary>
    /// <inheritdoc cref="ReadUInt64"/>
    public uint ReadUInt32(ulong structure, int offset)
    {
        uint value = 0;
        Read(structure + (ulong)offset, MemoryMarshal.AsBytes(new Span<uint>(ref value)));
        return value;
    }

    /// <summary>Reads a member of 64 bits of a structure that may be gone.</summary>
    /// <param name="structure">Address of the structure.</param>
    /// <param name="offset">Offset of the member in bytes.</param>
    /// <param name="value">The member.</param>
    /// <returns>False if nothing can be read there.</returns>
    public bool TryReadUInt64(ulong structure, int offset, out ulong value)
    {
        value = 0;
        return TryRead(structure + (ulong)offset, MemoryMarshal.AsBytes(new Span<ulong>(ref value))) == Errno.None;
    }

    /// <summary>Reads a string up to its NUL.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="maxBytes">The largest number of bytes.</param>
    /// <param name="text">The string; empty if it could not be read.</param>
    /// <returns>False if it cannot be read, or has no NUL within that many bytes.</returns>
    public bool TryReadText(ulong address, int maxBytes, out string text)
    {
        const int Step = 8;
        text = string.Empty;
        byte[] bytes = new byte[(maxBytes + Step - 1) / Step * Step];
        for (int done = 0; done < bytes.Length;)
        {
            // Steps do not cross pages: what is after the NUL need not be readable.
            int length = (int)Math.Min((ulong)(bytes.Length - done), Step - (address + (ulong)done) % Step);
            if (TryRead(address + (ulong)done, bytes.AsSpan(done, length)) != Errno.None)
            {
                return false;
            }

            int end = bytes.AsSpan(done, length).IndexOf((byte)0);
            if (end >= 0)
            {
                text = Encoding.UTF8.GetString(bytes, 0, done + end);
                return true;
            }

            done += length;
        }

        return false;
    }

    /// <summary>Returns the address of the struct file of a descriptor of this process.</summary>
    public ulong FileOf(SafeFileHandle handle)
    {
        bool referenced = false;
        try
        {
            handle.DangerousAddRef(ref referenced);
            ulong files = ReadUInt64(CurrentTask(), Layout.TaskFiles);
            ulong table = ReadUInt64(files, Layout.FilesTable);
            return ReadUInt64(ReadUInt64(table, Layout.TableFiles), sizeof(ulong) * (int)handle.DangerousGetHandle());
        }
        finally
        {
            if (referenced)
            {
                handle.DangerousRelease();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _opened?.Memory.Dispose();

    /// <summary>
    /// Returns the address of a task_struct of this process: of the calling thread, or of the one that
    /// <see cref="KernelTasks"/> found where the method cannot identify the caller.
    /// </summary>
    private ulong CurrentTask()
    {
        ulong task = Kernel.Memory.CurrentTask();
        if (task == 0)
        {
            task = _ownTask == 0 ? _ownTask = KernelTasks.FindOwn(this, _files) : _ownTask;
        }

        return task;
    }

    private Opened Open()
    {
        (KernelMemory memory, KernelReadSource opened) = KernelMemoryOpener.Open(source, _files);
        try
        {
            return new Opened(memory, opened, KernelOffsets.Of(_files));
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    private sealed record Opened(KernelMemory Memory, KernelReadSource Source, KernelOffsets Layout);
}

/// <summary>A copy of one structure of the kernel; members are read by their offsets in bytes.</summary>
/// <param name="bytes">The structure, from its beginning.</param>
internal readonly ref struct KernelStructure(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Reads a member of 64 bits.</summary>
    public ulong ReadUInt64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes[offset..]);

    /// <summary>Reads a member of 64 bits; null if this kernel does not have the member.</summary>
    public ulong? ReadUInt64(int? offset) => offset is int at ? ReadUInt64(at) : null;

    /// <summary>Reads a member of 32 bits.</summary>
    public uint ReadUInt32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes[offset..]);
}

using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>
/// Reads the kernel's memory from <c>/proc/kcore</c>, an ELF core file (<c>fs/proc/kcore.c</c>). Its program headers map
/// virtual addresses to offsets in the file, and some of them to physical addresses.
/// </summary>
public sealed class KcoreMemory : KernelMemory
{
    private const int HeaderBytes = 64;
    private const int SegmentBytes = 56;
    private const uint Load = 1;

    private readonly SafeFileHandle _file;

    private KcoreMemory(SafeFileHandle file, Segment[] segments)
    {
        _file = file;
        Segments = segments;
    }

    /// <summary>The ranges that can be read.</summary>
    public IReadOnlyList<Segment> Segments { get; }

    /// <summary>Opens the file.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="memory">The kernel's memory; null if the file cannot be opened.</param>
    /// <returns>
    /// ENOENT: this kernel does not have the file; EPERM: CAP_SYS_RAWIO is missing, or the kernel is locked down; ENOEXEC: it
    /// is not an ELF core file.
    /// </returns>
    public static Errno TryOpen(string path, out KcoreMemory? memory)
    {
        memory = null;
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? file);
        if (file is null)
        {
            return errno;
        }

        Segment[]? segments = ReadSegments(file);
        if (segments is null)
        {
            file.Dispose();
            return Errno.ENOEXEC;
        }

        memory = new KcoreMemory(file, segments);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno TryRead(ulong address, Span<byte> buffer)
    {
        for (int done = 0; done < buffer.Length;)
        {
            ulong at = address + (ulong)done;
            int index = Array.FindIndex((Segment[])Segments, segment => at >= segment.Address
                && at - segment.Address < segment.Length);
            if (index < 0)
            {
                return Errno.EFAULT;
            }

            Segment segment = Segments[index];
            ulong offsetInSegment = at - segment.Address;
            int length = (int)Math.Min((ulong)(buffer.Length - done), segment.Length - offsetInSegment);
            Errno errno = Libc.TryPRead(_file, buffer.Slice(done, length), segment.Offset + offsetInSegment, out int read);
            if (errno != Errno.None || read == 0)
            {
                return errno == Errno.None ? Errno.EFAULT : errno;
            }

            done += read;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override ulong CurrentTask() => 0;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
        }

        base.Dispose(disposing);
    }

    private static Segment[]? ReadSegments(SafeFileHandle file)
    {
        byte[] header = new byte[HeaderBytes];
        if (Libc.PReadFully(file, header, 0) != header.Length || !header.AsSpan().StartsWith("\u007fELF\u0002\u0001"u8))
        {
            return null;
        }

        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(32));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
        byte[] table = new byte[count * SegmentBytes];
        if (Libc.PReadFully(file, table, offset) != table.Length)
        {
            return null;
        }

        List<Segment> segments = [];
        for (int index = 0; index < count; index++)
        {
            ReadOnlySpan<byte> entry = table.AsSpan(index * SegmentBytes, SegmentBytes);
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) == Load)
            {
                segments.Add(new Segment(BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]),
                    BinaryPrimitives.ReadUInt64LittleEndian(entry[40..]),
                    BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]),
                    BinaryPrimitives.ReadUInt64LittleEndian(entry[24..])));
            }
        }

        return [.. segments];
    }

    /// <summary>A range of kernel addresses.</summary>
    /// <param name="Address">First virtual address.</param>
    /// <param name="Length">Bytes.</param>
    /// <param name="Offset">Offset in the file.</param>
    /// <param name="PhysicalAddress">First physical address; all ones if the range has none.</param>
    public readonly record struct Segment(ulong Address, ulong Length, ulong Offset, ulong PhysicalAddress);
}

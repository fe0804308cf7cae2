using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>struct procmap_query of <c>include/uapi/linux/fs.h</c> (Linux 6.11), 104 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ProcMapQueryArgument
{
    /// <summary>Size of this structure.</summary>
    public ulong Size;
    /// <summary>In: which mappings match (PROCMAP_QUERY_* flags).</summary>
    public ulong QueryFlags;
    /// <summary>In: the address.</summary>
    public ulong QueryAddress;
    /// <summary>Out: first address.</summary>
    public ulong VmaStart;
    /// <summary>Out: first address after the mapping.</summary>
    public ulong VmaEnd;
    /// <summary>Out: permissions.</summary>
    public ulong VmaFlags;
    /// <summary>Out: size of its pages, bytes.</summary>
    public ulong VmaPageSize;
    /// <summary>Out: offset in the file, bytes.</summary>
    public ulong VmaOffset;
    /// <summary>Out: inode.</summary>
    public ulong Inode;
    /// <summary>Out: major number of the device.</summary>
    public uint DeviceMajor;
    /// <summary>Out: minor number of the device.</summary>
    public uint DeviceMinor;
    /// <summary>In: size of the buffer for the name. Out: bytes of the name with its NUL; 0 without a name.</summary>
    public uint VmaNameSize;
    /// <summary>In: size of the buffer for the build id; 0 if it is not requested.</summary>
    public uint BuildIdSize;
    /// <summary>In: address of the buffer for the name.</summary>
    public ulong VmaNameAddress;
    /// <summary>In: address of the buffer for the build id.</summary>
    public ulong BuildIdAddress;
}

/// <summary>The PROCMAP_QUERY ioctl on an open <c>/proc/PID/maps</c>.</summary>
public static class ProcMapQuery
{
    private const uint Request = 0xC068_6611;
    private const ulong CoveringOrNext = 0x10;
    private const int MaxNameLength = 4096;

    /// <summary>Finds the mapping that contains an address, or the next one above it.</summary>
    /// <param name="maps">An open <c>/proc/PID/maps</c>.</param>
    /// <param name="address">The address.</param>
    /// <param name="orNext">If no mapping contains the address, find the next one above it.</param>
    /// <param name="answer">The kernel's answer.</param>
    /// <param name="name">
    /// The name; empty if it has none. A newline in the name is not escaped, while <c>maps</c> shows <c>\012</c>.
    /// </param>
    /// <returns>ENOENT: no mapping; ENOTTY: the kernel is older than 6.11; ESRCH: the process has exited.</returns>
    public static unsafe Errno TryQuery(
        SafeFileHandle maps, ulong address, bool orNext, out ProcMapQueryArgument answer, out byte[] name)
    {
        byte* nameBuffer = stackalloc byte[MaxNameLength];
        ProcMapQueryArgument argument = new()
        {
            Size = (ulong)Unsafe.SizeOf<ProcMapQueryArgument>(),
            QueryFlags = orNext ? CoveringOrNext : 0,
            QueryAddress = address,
            VmaNameSize = MaxNameLength,
            VmaNameAddress = (ulong)nameBuffer,
        };
        Errno errno = Libc.TryIoctl(maps, Request, &argument, out _);
        answer = argument;
        name = errno == Errno.None && argument.VmaNameSize > 1
            ? new ReadOnlySpan<byte>(nameBuffer, (int)argument.VmaNameSize - 1).ToArray()
            : [];
        return errno;
    }
}

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Interop;

/// <summary>struct statx of <c>include/uapi/linux/stat.h</c>, 256 bytes; the members that are used.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
public struct FileStatus
{
    /// <summary>Number of hard links.</summary>
    [FieldOffset(16)]
    public uint LinkCount;
    /// <summary>The user who owns the file.</summary>
    [FieldOffset(20)]
    public uint UserId;
    /// <summary>File type (<c>S_IFMT</c>) and permissions (the lower twelve bits).</summary>
    [FieldOffset(28)]
    public ushort Mode;
    /// <summary>Inode number.</summary>
    [FieldOffset(32)]
    public ulong Inode;
    /// <summary>Size in bytes.</summary>
    [FieldOffset(40)]
    public ulong SizeBytes;
    /// <summary>Time of the last access, in seconds since 1970.</summary>
    [FieldOffset(64)]
    public long AccessSeconds;
    /// <summary>Nanoseconds after <see cref="AccessSeconds"/>.</summary>
    [FieldOffset(72)]
    public uint AccessNanoseconds;
    /// <summary>Time of the last change of the inode, in seconds since 1970: owner, permissions, size, content.</summary>
    [FieldOffset(96)]
    public long ChangeSeconds;
    /// <summary>Nanoseconds after <see cref="ChangeSeconds"/>.</summary>
    [FieldOffset(104)]
    public uint ChangeNanoseconds;
    /// <summary>Time of the last change of the content, in seconds since 1970.</summary>
    [FieldOffset(112)]
    public long ModifySeconds;
    /// <summary>Nanoseconds after <see cref="ModifySeconds"/>.</summary>
    [FieldOffset(120)]
    public uint ModifyNanoseconds;
    /// <summary>Major number of the device that holds the file.</summary>
    [FieldOffset(136)]
    public uint DeviceMajor;
    /// <summary>Minor number of the device that holds the file.</summary>
    [FieldOffset(140)]
    public uint DeviceMinor;

    private const ushort KindMask = 0xf000;
    private const ushort DirectoryKind = 0x4000;
    private const ushort RegularKind = 0x8000;
    private const ushort SymbolicLinkKind = 0xa000;

    /// <summary>A directory.</summary>
    public readonly bool IsDirectory => (Mode & KindMask) == DirectoryKind;

    /// <summary>A regular file.</summary>
    public readonly bool IsRegular => (Mode & KindMask) == RegularKind;

    /// <summary>Whether this is the status of the same file, whatever has changed in it.</summary>
    public readonly bool IsSameFileAs(in FileStatus other) =>
        Inode == other.Inode && DeviceMajor == other.DeviceMajor && DeviceMinor == other.DeviceMinor;

    /// <summary>A symbolic link.</summary>
    public readonly bool IsSymbolicLink => (Mode & KindMask) == SymbolicLinkKind;
}

public static partial class Libc
{
    private const uint StatXBasicStats = 0x7ff;
    private const int SymbolicLinkNoFollow = 0x100;
    private const int EmptyPath = 0x1000;

    /// <summary>statx(2) (Linux 4.11) of a path.</summary>
    /// <param name="directory">The directory of a relative path; null for the current one.</param>
    /// <param name="path">The path.</param>
    /// <param name="status">The status of the file.</param>
    /// <param name="followLinks">Follow a symbolic link at the end of the path.</param>
    public static Errno TryStatX(
        SafeFileHandle? directory, string path, out FileStatus status, bool followLinks = true) =>
        TryStatX(directory, path, followLinks ? 0 : SymbolicLinkNoFollow, out status);

    /// <summary>statx(2) of an open file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="status">Its status.</param>
    public static Errno TryStatX(SafeFileHandle file, out FileStatus status) =>
        TryStatX(file, string.Empty, EmptyPath, out status);

    private static unsafe Errno TryStatX(SafeFileHandle? directory, string path, int flags, out FileStatus status)
    {
        FileStatus result = default;
        bool referenced = false;
        try
        {
            directory?.DangerousAddRef(ref referenced);
            int from = directory is null ? CurrentDirectory : (int)directory.DangerousGetHandle();
            int outcome = statx(from, path, flags, StatXBasicStats, &result);
            status = result;
            return outcome < 0 ? LastErrno : Errno.None;
        }
        finally
        {
            if (referenced)
            {
                directory!.DangerousRelease();
            }
        }
    }

    [LibraryImport(
        Library, SetLastError = true, StringMarshalling = StringMarshalling.Custom,
        StringMarshallingCustomType = typeof(PathMarshaller))]
    private static unsafe partial int statx(int dirfd, string path, int flags, uint mask, FileStatus* status);
}

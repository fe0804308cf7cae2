using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Why a file was not opened.</summary>
/// <param name="Errno">The kernel's error; EINVAL where it is a file of another kind.</param>
/// <param name="Reason">What it is, or what failed, without the error.</param>
/// <param name="IsOtherKind">It is not a regular file, or its file system stores no files.</param>
internal readonly record struct FileRefusal(Errno Errno, string Reason, bool IsOtherKind = false)
{
    /// <summary>There is nothing at the path.</summary>
    public bool IsMissing => Errno is Errno.ENOENT or Errno.ENOTDIR;

    /// <summary>Reason and error.</summary>
    public override string ToString() => $"{Reason}: {ErrnoException.Describe(Errno)} ({Errno})";
}

/// <summary>
/// A regular file, open for reading. It was looked at before it was opened: to open a device or a FIFO can already have an
/// effect, or block.
/// </summary>
internal sealed class CheckedFile : IDisposable
{
    /// <summary>How long to wait for a file system that does not answer, where nothing else ends the wait.</summary>
    internal static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly bool _canBlock;
    private bool _isStuck;

    private CheckedFile(SafeFileHandle handle, in FileStatus status, bool canBlock)
    {
        Handle = handle;
        Status = status;
        _canBlock = canBlock;
    }

    /// <summary>The open file.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Its status when it was opened.</summary>
    public FileStatus Status { get; }

    /// <summary>Called when the file system has not answered in time.</summary>
    public Action? Stuck { get; set; }

    /// <summary>Id of the mount through which it was found; null where the kernel does not report it.</summary>
    public uint? MountId
    {
        get
        {
            const string Field = "mnt_id:";
            bool referenced = false;
            Handle.DangerousAddRef(ref referenced);
            try
            {
                string? line = File.ReadLines($"/proc/self/fdinfo/{Handle.DangerousGetHandle()}")
                    .FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
                return line is not null && uint.TryParse(line.AsSpan(Field.Length), CultureInfo.InvariantCulture, out uint id)
                    ? id
                    : null;
            }
            finally
            {
                Handle.DangerousRelease();
            }
        }
    }

    /// <summary>Opens what a user has named: any regular file.</summary>
    /// <param name="path">The path; a symbolic link is followed.</param>
    /// <param name="access">How to open it.</param>
    /// <param name="file">The file; null where it is refused.</param>
    /// <returns>Null where the file is open; else why not.</returns>
    public static FileRefusal? TryOpen(string path, OpenAccess access, out CheckedFile? file)
    {
        file = null;
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.PathOnly, out SafeFileHandle? place);
        using (place)
        {
            return place is null ? new FileRefusal(errno, "cannot be opened") : TryReopen(place, access, out file);
        }
    }

    /// <summary>
    /// Opens what a process has named: a regular file of a file system that stores files. In others, such as procfs and
    /// sysfs, a read can have effects.
    /// </summary>
    /// <param name="place">The file, open with O_PATH.</param>
    /// <param name="file">The file; null where it is refused.</param>
    /// <returns>Null where the file is open; else why not.</returns>
    internal static FileRefusal? TryOpenStored(SafeFileHandle place, out CheckedFile? file)
    {
        file = null;
        Errno errno = Libc.TryStatX(place, out FileStatus status);
        uint type = 0;
        if (errno == Errno.None)
        {
            errno = Libc.TryFStatFs(place, out type);
        }

        return errno != Errno.None ? new FileRefusal(errno, "cannot be queried")
            : status.IsRegular && !FileSystems.StoresFiles(type, status.DeviceMajor)
                ? new FileRefusal(Errno.EINVAL, $"is in a file system that stores no files (type 0x{type:x})", IsOtherKind: true)
            : TryReopen(place, OpenAccess.ReadChecked, out file, FileSystems.CanBlock(type, status.DeviceMajor));
    }

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="offset">Offset of the first byte.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <param name="read">Number of bytes read.</param>
    /// <returns>ETIMEDOUT: the file system does not answer.</returns>
    public Errno TryRead(Span<byte> buffer, ulong offset, CancellationToken cancellation, out int read)
    {
        cancellation.ThrowIfCancellationRequested();
        if (!_canBlock)
        {
            return Libc.TryPReadFully(Handle, buffer, offset, out read);
        }

        read = 0;
        if (_isStuck)
        {
            return Errno.ETIMEDOUT;
        }

        // The call can go on after this has returned: it has a buffer of its own.
        byte[] own = new byte[buffer.Length];
        SafeFileHandle handle = Handle;
        if (!BlockingWork.TryRun(() => (Errno: Libc.TryPReadFully(handle, own, offset, out int count), Count: count),
            Timeout, cancellation, out (Errno Errno, int Count) result))
        {
            _isStuck = true;
            Stuck?.Invoke();
            return Errno.ETIMEDOUT;
        }

        own.AsSpan(0, result.Count).CopyTo(buffer);
        read = result.Count;
        return result.Errno;
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private static FileRefusal? TryReopen(
        SafeFileHandle place, OpenAccess access, out CheckedFile? file, bool canBlock = false)
    {
        file = null;
        Errno errno = Libc.TryStatX(place, out FileStatus status);
        if (errno != Errno.None)
        {
            return new FileRefusal(errno, "cannot be queried");
        }

        if (!status.IsRegular)
        {
            return new FileRefusal(status.IsDirectory ? Errno.EISDIR : Errno.EINVAL, "is not a regular file",
                IsOtherKind: true);
        }

        bool referenced = false;
        place.DangerousAddRef(ref referenced);
        try
        {
            // The descriptor leads to what was looked at, whatever has its path by now.
            errno = Libc.TryOpenAt(null, $"/proc/self/fd/{place.DangerousGetHandle()}", access, out SafeFileHandle? handle);
            if (handle is null)
            {
                return new FileRefusal(errno, "cannot be opened");
            }

            file = new CheckedFile(handle, status, canBlock);
            return null;
        }
        finally
        {
            place.DangerousRelease();
        }
    }
}

/// <summary>What is known of the kinds of file systems (<c>include/uapi/linux/magic.h</c>).</summary>
internal static class FileSystems
{
    private const uint Fuse = 0x6573_5546;

    /// <summary>
    /// File systems in memory, or with a device number that is not that of a disk. A read from them does not wait for
    /// anything outside of the kernel.
    /// </summary>
    private static readonly uint[] Local =
    [
        // tmpfs, ramfs, hugetlbfs, btrfs, zfs, bcachefs, ubifs, erofs
        0x0102_1994, 0x8584_58f6, 0x9584_58f6, 0x9123_683e, 0x2fc1_2fc1, 0xca45_1a4e, 0x2405_1905, 0xe0f5_e1e2,
    ];

    /// <summary>File systems whose files are on a server, or in another file system, which can be on a server.</summary>
    private static readonly uint[] Remote =
    [
        // FUSE and virtiofs, overlayfs, NFS, SMB, CIFS, SMB2, Ceph, 9p, AFS (two), Coda, eCryptfs, AUFS
        Fuse, 0x794c_7630, 0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x0102_1997, 0x6b41_4653,
        0x5346_414f, 0x7375_7245,
        0xf15f, 0x6175_6673,
        // Lustre, GPFS, BeeGFS, OrangeFS, Panasas, VirtualBox, Parallels, hostfs
        0x0bd0_0bd0, 0x4750_4653, 0x1983_0326, 0x2003_0528, 0xaad7_aaea, 0x786f_4256, 0x7c7c_6673, 0x00c0_ffee,
    ];

    /// <summary>
    /// File systems of disks. 9p reports the type of the file system on the server, so with a device number that is not that
    /// of a disk, the file is on a server (<c>fs/9p/vfs_super.c</c>).
    /// </summary>
    private static readonly uint[] Disks =
    [
        // ext2 to ext4, XFS, F2FS, JFS, FAT, exFAT, NTFS (two), ISO 9660, UDF, SquashFS
        0xef53, 0x5846_5342, 0xf2f5_2010, 0x3153_464a, 0x4d44, 0x2011_bab0, 0x5346_544e, 0x7366_746e, 0x9660, 0x1501_3346,
        0x7371_7368,
    ];

    /// <summary>
    /// Whether regular files of a file system are stored data. Those of the others (procfs, sysfs, debugfs, cgroup and so
    /// on) are an interface to the kernel.
    /// </summary>
    /// <param name="type">Its magic number.</param>
    /// <param name="deviceMajor">Major number of its device; 0 where it has no disk.</param>
    public static bool StoresFiles(uint type, uint deviceMajor) =>
        deviceMajor != 0 || Local.Contains(type) || Remote.Contains(type) || Disks.Contains(type);

    /// <summary>Whether a read can wait for a server, for ever.</summary>
    /// <param name="type">Its magic number.</param>
    /// <param name="deviceMajor">Major number of its device; 0 where it has no disk.</param>
    public static bool CanBlock(uint type, uint deviceMajor) =>
        Remote.Contains(type) || (deviceMajor == 0 && Disks.Contains(type));
}

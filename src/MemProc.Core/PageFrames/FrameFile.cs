namespace MemProc;

/// <summary>A file whose pages are in memory, as the kernel's inode and its name describe it.</summary>
/// <param name="Device">Device of its file system, <c>major:minor</c> in hex.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="FileSystem">Type of the file system: ext4, tmpfs; null if it could not be read.</param>
/// <param name="Path">
/// Path: from the root of this process where its file system is mounted there, otherwise from the root of the file system.
/// Null for what has no name, such as the metadata of a file system.
/// </param>
/// <param name="IsMounted">The path begins at the root of this process.</param>
/// <param name="IsDeleted">The name has been removed; the file exists while it is open or mapped.</param>
internal sealed record FrameFile(
    string Device, ulong Inode, string? FileSystem, string? Path, bool IsMounted, bool IsDeleted)
{
    /// <summary>The path, or what is known instead.</summary>
    public string Name => Path ?? (FileSystem == "bdev"
        ? $"(block device {Device})"
        : $"({FileSystem ?? "file"} {Device} inode {Inode})");
}

/// <summary>A slab cache of the kernel.</summary>
/// <param name="Name">Its name, as in <c>/proc/slabinfo</c>.</param>
/// <param name="ObjectSizeBytes">Bytes of an object, without padding.</param>
internal sealed record FrameSlab(string Name, int ObjectSizeBytes);

/// <summary>A memory cgroup.</summary>
/// <param name="Inode">Inode of its folder.</param>
/// <param name="Path">Its path; null if its folder is not visible.</param>
internal sealed record FrameCgroup(ulong Inode, string? Path);

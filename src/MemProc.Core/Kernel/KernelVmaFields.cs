namespace MemProc;

/// <summary>What a vm_area_struct holds.</summary>
/// <param name="Address">Its own address.</param>
/// <param name="Start">First address of the mapping.</param>
/// <param name="End">First address behind it.</param>
/// <param name="Flags">vm_flags.</param>
/// <param name="PageOffset">vm_pgoff.</param>
/// <param name="File">Address of the struct file, or 0.</param>
/// <param name="Inode">The file's inode number.</param>
/// <param name="Device">The device of its file system, as the kernel numbers it.</param>
internal readonly record struct KernelVmaFields(
    ulong Address, ulong Start, ulong End, ulong Flags, ulong PageOffset, ulong File, ulong Inode, uint Device);

using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>Reads the mappings of an mm_struct: a maple tree, or before Linux 6.1 a linked list.</summary>
/// <param name="reader">The kernel's memory.</param>
/// <param name="memory">Address of the mm_struct.</param>
/// <param name="cancellation">Stops the read.</param>
internal sealed class KernelVmaList(KernelReader reader, ulong memory, CancellationToken cancellation = default)
{
    private const int MaxMappings = 10_000_000;

    /// <summary>Structures that are read between two checks for a cancellation.</summary>
    private const int BatchStructures = 4096;

    /// <summary>Reads the list once.</summary>
    /// <param name="found">Receives the mappings in address order.</param>
    /// <returns>False if the list changed during the read, as far as the list itself shows it.</returns>
    public bool TryRead(List<KernelVmaRecord> found)
    {
        bool isTree = reader.Layout is { Maple: not null, Memory.Tree: not null };
        return (isTree ? TryReadTree(found) : TryReadList(found)) && TryAddFiles(found);
    }

    private bool TryReadTree(List<KernelVmaRecord> found)
    {
        KernelOffsets.MapleOffsets maple = reader.Layout.Maple!;
        ulong root = reader.ReadUInt64(memory, reader.Layout.Memory.Tree!.Value + maple.Root);
        List<MapleTree.Range> entries = [];
        MapleTree tree = new(maple,
            (addresses, nodes) => TryReadMany(addresses, maple.NodeBytes, nodes));
        if (!tree.TryRead(root, entries)
            || !TryReadStructures([.. entries.Select(entry => entry.Entry)], found))
        {
            return false;
        }

        for (int index = 0; index < found.Count; index++)
        {
            if (found[index].Start != entries[index].First || found[index].End != entries[index].Last + 1)
            {
                return false;
            }
        }

        return true;
    }

    private bool TryReadList(List<KernelVmaRecord> found)
    {
        KernelOffsets layout = reader.Layout;
        ulong next = reader.ReadUInt64(memory, layout.Memory.List ?? 0);
        while (next != 0)
        {
            cancellation.ThrowIfCancellationRequested();
            if (found.Count > MaxMappings || !TryReadStructures([next], found)
                || !reader.TryReadUInt64(next, layout.Vma.Next ?? 0, out next))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryReadStructures(ulong[] addresses, List<KernelVmaRecord> found)
    {
        KernelOffsets.VmaOffsets offsets = reader.Layout.Vma;
        int size = offsets.UsedBytes;
        byte[] bytes = new byte[addresses.Length * size];
        if (!TryReadMany(addresses, size, bytes))
        {
            return false;
        }

        for (int index = 0; index < addresses.Length; index++)
        {
            KernelStructure vma = new(bytes.AsSpan(index * size, size));
            KernelVmaRecord record = new(addresses[index], vma.ReadUInt64(offsets.Start), vma.ReadUInt64(offsets.End),
                vma.ReadUInt64(offsets.Flags), vma.ReadUInt64(offsets.PageProtection), vma.ReadUInt64(offsets.PageOffset),
                vma.ReadUInt64(offsets.File), 0, 0);
            if (record.Start >= record.End)
            {
                return false;
            }

            found.Add(record);
        }

        return true;
    }

    /// <summary>Looks up the inode and device of each mapped file once.</summary>
    private bool TryAddFiles(List<KernelVmaRecord> found)
    {
        KernelOffsets layout = reader.Layout;
        ulong[] files = [.. found.Select(vma => vma.File).Where(file => file != 0).Distinct()];
        if (!TryReadUInt64s(files, layout.FileInode, out ulong[] inodes)
            || !TryReadUserFiles(files, inodes)
            || !TryReadUInt64s(inodes, layout.InodeNumber, out ulong[] numbers)
            || !TryReadUInt64s(inodes, layout.InodeSuperBlock, out ulong[] superBlocks)
            || !TryReadUInt64s(superBlocks, layout.SuperBlockDevice, out ulong[] devices))
        {
            return false;
        }

        Dictionary<ulong, int> indexes = files.Select((file, index) => (file, index)).ToDictionary();
        for (int index = 0; index < found.Count; index++)
        {
            if (indexes.TryGetValue(found[index].File, out int file))
            {
                found[index] = found[index] with { Inode = numbers[file], Device = (uint)devices[file] };
            }
        }

        return true;
    }

    private bool TryReadMany(ReadOnlySpan<ulong> addresses, int size, Span<byte> bytes)
    {
        for (int done = 0; done < addresses.Length; done += BatchStructures)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(BatchStructures, addresses.Length - done);
            if (!reader.TryReadMany(addresses.Slice(done, count), size, bytes.Slice(done * size, count * size)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Reads the same member of 64 bits of many structures that may be gone.</summary>
    private bool TryReadUInt64s(ulong[] structures, int offset, out ulong[] values)
    {
        values = new ulong[structures.Length];
        return TryReadMany(Array.ConvertAll(structures, structure => structure + (ulong)offset), sizeof(ulong),
            MemoryMarshal.AsBytes(values.AsSpan()));
    }

    /// <summary>
    /// Replaces the inodes of backing files by those of the files that the user opened. A stacked file system such as
    /// overlayfs maps the file of the lower file system, which keeps the path that was opened.
    /// </summary>
    private bool TryReadUserFiles(ulong[] files, ulong[] inodes)
    {
        // FMODE_BACKING of include/linux/fs.h.
        ulong isBacking = Environment.OSVersion.Version >= new Version(6, 14) ? 1UL << 24 : 1UL << 25;
        if (reader.Layout is not { FileMode: int mode, BackingPath: int path, EntryInode: int inode })
        {
            return true;
        }

        if (!TryReadUInt64s(files, mode, out ulong[] modes))
        {
            return false;
        }

        for (int index = 0; index < files.Length; index++)
        {
            if ((modes[index] & isBacking) != 0
                && (!reader.TryReadUInt64(files[index], path, out ulong entry)
                    || !reader.TryReadUInt64(entry, inode, out inodes[index])))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>Members of a vm_area_struct, with inode and device of its file.</summary>
/// <param name="Address">Address of the structure.</param>
/// <param name="Start">vm_start: first address of the mapping.</param>
/// <param name="End">vm_end: first address after it.</param>
/// <param name="Flags">vm_flags.</param>
/// <param name="PageProtection">vm_page_prot; null if this kernel does not describe it.</param>
/// <param name="PageOffset">vm_pgoff.</param>
/// <param name="File">vm_file: address of the struct file, or 0.</param>
/// <param name="Inode">i_ino of the file.</param>
/// <param name="Device">s_dev of its file system, in the kernel's internal encoding.</param>
internal readonly record struct KernelVmaRecord(
    ulong Address, ulong Start, ulong End, ulong Flags, ulong? PageProtection, ulong PageOffset, ulong File, ulong Inode, uint Device);

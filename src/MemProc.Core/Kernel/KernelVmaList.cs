using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>The mappings that hang on an mm_struct: in a maple tree, or before Linux 6.1 in a linked list.</summary>
internal sealed class KernelVmaList
{
    private readonly KernelSession _session;
    private readonly ulong _memory;

    /// <summary>Prepares the reading.</summary>
    /// <param name="session">The kernel's memory.</param>
    /// <param name="address">Address of the mm_struct.</param>
    public KernelVmaList(KernelSession session, ulong address)
    {
        _session = session;
        _memory = address;
    }

    /// <summary>Reads the list once.</summary>
    /// <param name="found">Gets the mappings in address order.</param>
    /// <returns>False where it changed under the reading, as far as the list itself shows that.</returns>
    public bool TryRead(List<KernelVmaFields> found)
    {
        KernelLayout layout = _session.Layout;
        bool isTree = layout is { Maple: not null, Memory.Tree: not null };
        return (isTree ? TryReadTree(found) : TryReadList(found)) && TryAddFiles(found);
    }

    private bool TryReadTree(List<KernelVmaFields> found)
    {
        KernelLayout.MapleOffsets maple = _session.Layout.Maple!;
        ulong root = _session.ReadWord(_memory + (ulong)(_session.Layout.Memory.Tree!.Value + maple.Root));
        List<MapleTree.Range> entries = [];
        MapleTree tree = new(maple,
            (addresses, nodes) => _session.TryReadMany(addresses, maple.NodeBytes, nodes) == Errno.None);
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

    /// <summary>Before Linux 6.1: one mapping leads to the next.</summary>
    private bool TryReadList(List<KernelVmaFields> found)
    {
        const int MostMappings = 10_000_000;
        KernelLayout layout = _session.Layout;
        ulong next = _session.ReadWord(_memory + (ulong)(layout.Memory.List ?? 0));
        while (next != 0)
        {
            if (found.Count > MostMappings || !TryReadStructures([next], found)
                || !TryWord(next + (ulong)(layout.Vma.Next ?? 0), out next))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryReadStructures(ulong[] addresses, List<KernelVmaFields> found)
    {
        KernelLayout.VmaOffsets offsets = _session.Layout.Vma;
        int size = offsets.UsedBytes;
        byte[] bytes = new byte[addresses.Length * size];
        if (_session.TryReadMany(addresses, size, bytes) != Errno.None)
        {
            return false;
        }

        for (int index = 0; index < addresses.Length; index++)
        {
            ReadOnlySpan<byte> vma = bytes.AsSpan(index * size, size);
            KernelVmaFields fields = new(addresses[index], Word(vma, offsets.Start), Word(vma, offsets.End),
                Word(vma, offsets.Flags), Word(vma, offsets.PageOffset), Word(vma, offsets.File), 0, 0);
            if (fields.Start >= fields.End)
            {
                return false;
            }

            found.Add(fields);
        }

        return true;
    }

    /// <summary>Looks up inodes and devices of the files, each once.</summary>
    private bool TryAddFiles(List<KernelVmaFields> found)
    {
        KernelLayout layout = _session.Layout;
        ulong[] files = [.. found.Select(vma => vma.File).Where(file => file != 0).Distinct()];
        if (!TryWords(files, layout.FileInode, out ulong[] inodes)
            || !TryAskUsersFiles(files, inodes)
            || !TryWords(inodes, layout.InodeNumber, out ulong[] numbers)
            || !TryWords(inodes, layout.InodeSuperBlock, out ulong[] superBlocks)
            || !TryWords(superBlocks, layout.SuperBlockDevice, out ulong[] devices))
        {
            return false;
        }

        Dictionary<ulong, int> places = files.Select((file, place) => (file, place)).ToDictionary();
        for (int index = 0; index < found.Count; index++)
        {
            if (places.TryGetValue(found[index].File, out int place))
            {
                found[index] = found[index] with { Inode = numbers[place], Device = (uint)devices[place] };
            }
        }

        return true;
    }

    /// <summary>
    /// Of a file in a file system above another one the kernel maps the lower file, which knows what the user had opened.
    /// </summary>
    private bool TryAskUsersFiles(ulong[] files, ulong[] inodes)
    {
        // FMODE_BACKING of include/linux/fs.h.
        ulong isBacking = Environment.OSVersion.Version >= new Version(6, 14) ? 1UL << 24 : 1UL << 25;
        KernelLayout layout = _session.Layout;
        if (layout is not { FileMode: int mode, BackingPath: int path, EntryInode: int inode })
        {
            return true;
        }

        if (!TryWords(files, mode, out ulong[] modes))
        {
            return false;
        }

        for (int index = 0; index < files.Length; index++)
        {
            if ((modes[index] & isBacking) != 0
                && (!TryWord(files[index] + (ulong)path, out ulong entry)
                    || !TryWord(entry + (ulong)inode, out inodes[index])))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryWords(ulong[] structures, int offset, out ulong[] words)
    {
        words = new ulong[structures.Length];
        return _session.TryReadMany(Array.ConvertAll(structures, structure => structure + (ulong)offset), sizeof(ulong),
            MemoryMarshal.AsBytes(words.AsSpan())) == Errno.None;
    }

    private bool TryWord(ulong address, out ulong value)
    {
        value = 0;
        return _session.TryRead(address, MemoryMarshal.AsBytes(new Span<ulong>(ref value))) == Errno.None;
    }

    private static ulong Word(ReadOnlySpan<byte> bytes, int offset) =>
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);
}

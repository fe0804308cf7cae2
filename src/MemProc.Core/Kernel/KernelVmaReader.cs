using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The kernel's own list of a process' mappings. It is read without a lock: what shows that it changed meanwhile makes
/// the reader begin again.
/// </summary>
public sealed class KernelVmaReader : IDisposable
{
    private const string Operation = "ReadVmas";
    private const int Attempts = 1000;

    private readonly KernelSession _session;

    /// <summary>Opens the kernel's memory.</summary>
    /// <inheritdoc cref="PageTableReader(KernelReadSource, KernelFiles)"/>
    public KernelVmaReader(KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null) =>
        _session = KernelSession.Open(source, files);

    /// <inheritdoc cref="PageTableReader.Source"/>
    public KernelReadSource Source => _session.Source;

    /// <summary>All mappings in address order, as they were at one moment.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES where this user may not read the process. ReadVmas: EAGAIN where they change too fast; ESRCH
    /// where the process exits.
    /// </exception>
    public IReadOnlyList<KernelVma> Read(LinuxProcess process, CancellationToken cancellation = default)
    {
        ProcessKernelMemory memory = new(_session, process);
        List<KernelVmaFields> found = [];
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            process.ThrowIfExited(Operation);
            found.Clear();
            (uint? sequence, uint count) = (memory.Sequence, memory.MapCount);
            bool isWriting = _session.Layout.Memory.SequenceTellsWriters && (sequence & 1) == 1;
            if (!isWriting && TryRead(memory, found)
                && count == found.Count && count == memory.MapCount && sequence == memory.Sequence)
            {
                return [.. found.Select((fields, index) => new KernelVma(process.Identity, memory.Address, index, fields))];
            }
        }

        throw new MemProcException(Operation, Errno.EAGAIN,
            $"Process {process.Identity}: its mappings changed under each of {Attempts} readings.", process.Id);
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    private bool TryRead(ProcessKernelMemory memory, List<KernelVmaFields> found)
    {
        KernelLayout layout = _session.Layout;
        bool isTree = layout is { Maple: not null, Memory.Tree: not null };
        return (isTree ? TryReadTree(memory, found) : TryReadList(memory, found)) && TryAddFiles(found);
    }

    private bool TryReadTree(ProcessKernelMemory memory, List<KernelVmaFields> found)
    {
        KernelLayout.MapleOffsets maple = _session.Layout.Maple!;
        ulong root = _session.ReadWord(memory.Address + (ulong)(_session.Layout.Memory.Tree!.Value + maple.Root));
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
    private bool TryReadList(ProcessKernelMemory memory, List<KernelVmaFields> found)
    {
        const int MostMappings = 10_000_000;
        KernelLayout layout = _session.Layout;
        ulong next = _session.ReadWord(memory.Address + (ulong)(layout.Memory.List ?? 0));
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

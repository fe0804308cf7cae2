using System.Buffers.Binary;
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
        if (layout.Maple is KernelLayout.MapleOffsets maple && layout.Memory.Tree is int tree)
        {
            ulong root = _session.ReadWord(memory.Address + (ulong)(tree + maple.Root));
            return new MapleTree(maple, (address, bytes) => _session.TryRead(address, bytes) == Errno.None)
                .Walk(root, (entry, first, last) => TryAdd(entry, found, out KernelVmaFields vma)
                    && (last == 0 || (vma.Start == first && vma.End == last + 1)));
        }

        const int MostMappings = 10_000_000;
        ulong next = _session.ReadWord(memory.Address + (ulong)(layout.Memory.List ?? 0));
        while (next != 0)
        {
            if (found.Count > MostMappings || !TryAdd(next, found, out KernelVmaFields vma)
                || _session.TryRead(vma.Address + (ulong)(layout.Vma.Next ?? 0),
                    System.Runtime.InteropServices.MemoryMarshal.AsBytes(new Span<ulong>(ref next))) != Errno.None)
            {
                return false;
            }
        }

        return true;
    }

    private bool TryAdd(ulong address, List<KernelVmaFields> found, out KernelVmaFields fields)
    {
        KernelLayout.VmaOffsets offsets = _session.Layout.Vma;
        byte[] bytes = new byte[offsets.Size];
        fields = default;
        if (_session.TryRead(address, bytes) != Errno.None)
        {
            return false;
        }

        ulong Word(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
        ulong file = Word(offsets.File);
        (ulong inode, uint device) = (0UL, 0U);
        if (file != 0 && !TryReadFile(file, out inode, out device))
        {
            return false;
        }

        fields = new KernelVmaFields(address, Word(offsets.Start), Word(offsets.End), Word(offsets.Flags),
            Word(offsets.PageOffset), file, inode, device);
        found.Add(fields);
        return fields.Start < fields.End;
    }

    private bool TryReadFile(ulong file, out ulong inode, out uint device)
    {
        KernelLayout layout = _session.Layout;
        device = 0;
        return TryWord(file + (ulong)layout.FileInode, out inode)
            && TryWord(inode + (ulong)layout.InodeSuperBlock, out ulong superBlock)
            && TryWord(superBlock + (ulong)layout.SuperBlockDevice, out ulong number)
            && TryWord(inode + (ulong)layout.InodeNumber, out inode)
            && (device = (uint)number) == (uint)number;
    }

    private bool TryWord(ulong address, out ulong value)
    {
        value = 0;
        return _session.TryRead(address,
            System.Runtime.InteropServices.MemoryMarshal.AsBytes(new Span<ulong>(ref value))) == Errno.None;
    }
}

namespace MemProc;

/// <summary>Reads the mm_struct of processes from the kernel's memory.</summary>
/// <param name="source">How to read the kernel's memory. It is opened at the first use.</param>
/// <param name="files">Where the kernel's file systems are mounted; null for the usual places.</param>
public sealed class KernelMemoryMapReader(KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null)
    : IDisposable
{
    private readonly KernelReader _reader = new(source, files);

    /// <inheritdoc cref="PageTableReader.Source"/>
    public KernelReadSource Source => _reader.Source;

    /// <summary>Reads the members of a process' mm_struct.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES if this user may not read the process. ReadKernelMemory, ReadBtf: the kernel's memory cannot be
    /// read; the message has the reason; ESRCH if the process exits or starts another program.
    /// </exception>
    public KernelMemoryMap Read(LinuxProcess process)
    {
        KernelProcess kernel = new(_reader, process);
        KernelOffsets.MemoryOffsets offsets = _reader.Layout.Memory;
        int? root = _reader.Layout.Maple is { } maple ? offsets.Tree + maple.Root : offsets.BinaryTree;
        KernelMemoryMap map = new(kernel, offsets, root, DataModel.Of(process).PointerBytes == sizeof(uint));
        // After the read: what was read is that of a process that still existed.
        kernel.ThrowIfGone(Operation.ReadKernelMemory);
        return map;
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();
}

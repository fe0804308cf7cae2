namespace MemProc;

/// <summary>Reads what the kernel keeps about the address spaces of processes, from its own memory.</summary>
/// <param name="source">How to read it. It is opened when it is first needed.</param>
/// <param name="files">Where the kernel's file systems are; the usual places when left out.</param>
public sealed class KernelMemoryMapReader(KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null)
    : IDisposable
{
    private readonly KernelAccess _kernel = new(source, files);

    /// <inheritdoc cref="PageTableReader.Source"/>
    public KernelReadSource Source => _kernel.Source;

    /// <summary>The members of a process' mm_struct.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES where this user may not read the process. ReadKernelMemory, ReadBtf: the kernel's memory cannot
    /// be read; the message says why; ESRCH where the process exits or begins another program.
    /// </exception>
    public KernelMemoryMap Read(LinuxProcess process)
    {
        ProcessKernelMemory memory = new(_kernel.For(process), process);
        KernelMemoryMap map = new(memory);
        // Behind the reading: what was read before is of a process that was still there.
        memory.ThrowIfGone(Operation.ReadKernelMemory);
        return map;
    }

    /// <inheritdoc/>
    public void Dispose() => _kernel.Dispose();
}

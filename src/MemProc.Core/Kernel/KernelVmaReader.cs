using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The kernel's own list of a process' mappings. It is read without a lock: what shows that it changed meanwhile makes
/// the reader begin again.
/// </summary>
/// <param name="source">How to read it. It is opened when it is first needed.</param>
/// <param name="files">Where the kernel's file systems are; the usual places when left out.</param>
/// <param name="cancellation">Stops the reading.</param>
public sealed class KernelVmaReader(
    KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null, CancellationToken cancellation = default)
    : IDisposable
{
    private const int Attempts = 2000;

    /// <summary>From here on whoever changes the mappings is given time: a fork of a large process takes a while.</summary>
    private const int Patience = 1000;

    private readonly KernelAccess _kernel = new(source, files);

    /// <inheritdoc cref="PageTableReader.Source"/>
    public KernelReadSource Source => _kernel.Source;

    /// <summary>All mappings in address order, as they were at one moment.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: EACCES where this user may not read the process. ReadVmas: EAGAIN where they change too fast; ESRCH
    /// where the process exits.
    /// </exception>
    public IReadOnlyList<KernelVma> Read(LinuxProcess process)
    {
        KernelSession session = _kernel.For(process);
        ProcessKernelMemory memory = new(session, process);
        KernelVmaList list = new(session, memory.Address);
        List<KernelVmaFields> found = [];
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            cancellation.ThrowIfCancellationRequested();
            memory.ThrowIfGone(Operation.ReadVmas);
            found.Clear();
            (uint? sequence, uint count) = (memory.Sequence, memory.MapCount);
            bool isWriting = session.Layout.Memory.SequenceTellsWriters && (sequence & 1) == 1;
            if (!isWriting && list.TryRead(found)
                && count == found.Count && count == memory.MapCount && sequence == memory.Sequence)
            {
                return [.. found.Select((fields, index) => new KernelVma(process.Identity, memory.Address, index, fields))];
            }

            if (attempt >= Patience)
            {
                cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(1));
            }
        }

        throw new MemProcException(Operation.ReadVmas, Errno.EAGAIN,
            $"Process {process.Identity}: its mappings changed under each of {Attempts} readings.", process.Id);
    }

    /// <summary>The mapping that holds an address.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">The address.</param>
    /// <exception cref="MemProcException">
    /// What <see cref="Read(LinuxProcess)"/> throws. FindMap: ENOENT where nothing is mapped there.
    /// </exception>
    public KernelVma Read(LinuxProcess process, ulong address) =>
        Read(process).FirstOrDefault(vma => address >= vma.Start && address < vma.End)
        ?? throw MapReader.NotMapped(process, address);

    /// <inheritdoc/>
    public void Dispose() => _kernel.Dispose();
}

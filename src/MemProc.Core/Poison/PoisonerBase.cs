using MemProc.Interop;

namespace MemProc;

/// <summary>The common part of poisoning and unpoisoning frames: checks before, and the write.</summary>
public abstract class PoisonerBase : IDisposable
{
    private readonly KernelFiles _files;
    private readonly FrameTables _tables;
    private readonly FrameFolios _folios;
    private readonly string _fileName;

    /// <summary>Checks that the kernel supports the operation.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="fileName">The file of debugfs to write.</param>
    /// <param name="files">Where procfs and debugfs are.</param>
    private protected PoisonerBase(Operation operation, string fileName, KernelFiles? files)
    {
        _files = files ?? KernelFiles.Default;
        _fileName = fileName;
        Operation = operation;
        PoisonFile.Probe(_files, fileName, operation);
        _tables = new FrameTables(FrameAttributes.Flags | FrameAttributes.MapCount, _files);
        _folios = new FrameFolios(_tables);
    }

    /// <summary>The operation.</summary>
    private protected Operation Operation { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Writes a frame number to the file.</summary>
    /// <param name="pfn">The frame number.</param>
    /// <returns>The kernel's error, which does not mean that nothing was done.</returns>
    /// <exception cref="MemProcException">The file cannot be opened.</exception>
    protected virtual Errno Write(ulong pfn) => PoisonFile.Write(_files, _fileName, Operation, pfn);

    /// <summary>Closes what was opened.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _tables.Dispose();
        }
    }

    /// <summary>Returns what the kernel reports about a frame.</summary>
    /// <exception cref="MemProcException">ReadPageFlags, EINVAL: the machine has no such frame.</exception>
    private protected PageFlags Frame(ulong pfn) => _tables.Read([pfn], raw: false)[0] ?? throw FrameTables.OutOfRange(pfn);

    /// <summary>Returns whether a frame is poisoned. For a hugetlb page, which is poisoned as a whole, its first frame is.</summary>
    private protected bool IsPoisoned(ulong pfn) =>
        new KernelPageFlagSet(Frame(pfn).RawFlags).IsPoisoned || new KernelPageFlagSet(HeadOf(pfn).RawFlags).IsPoisoned;

    /// <summary>Returns what the kernel reports about the first frame of the folio that a frame is part of.</summary>
    private protected PageFlags HeadOf(ulong pfn) =>
        _folios.Find([pfn])[0] is FrameFolio folio ? Frame(folio.HeadPfn) : Frame(pfn);

    /// <summary>Creates the error for a write that the kernel answered with an error, with the frame's state afterwards.</summary>
    /// <param name="errno">The kernel's error.</param>
    /// <param name="pfn">The frame.</param>
    /// <param name="state">Sentences about the state of the frame, and what helps.</param>
    private protected MemProcException WriteError(Errno errno, ulong pfn, string state) => new(Operation, errno,
        $"The kernel answers {ErrnoException.Describe(errno)} ({errno}) to frame 0x{pfn:x}. {state}"
        + (errno is Errno.EPERM or Errno.EACCES ? $" {CallerRights.Read(_files).Explain([Capability.SysAdmin])}" : string.Empty),
        pfn);

    /// <summary>Creates the error for a frame that was refused.</summary>
    private protected MemProcException Refused(Errno errno, ulong pfn, string why, bool canBeForced = false) =>
        new(Operation, errno, $"Frame 0x{pfn:x}: nothing was done: {why}.", pfn) { CanBeForced = canBeForced };
}

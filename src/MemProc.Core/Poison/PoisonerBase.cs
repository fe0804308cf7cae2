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
    /// <exception cref="MemProcException">The kernel reported an error.</exception>
    protected virtual void Write(ulong pfn) => PoisonFile.Write(_files, _fileName, Operation, pfn);

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
        new KernelPageFlagSet(Frame(pfn).RawFlags).IsPoisoned
        || (_folios.Find([pfn])[0] is FrameFolio folio
            && new KernelPageFlagSet(Frame(folio.HeadPfn).RawFlags).IsPoisoned);

    /// <summary>Creates the error for a frame that was refused.</summary>
    private protected MemProcException Refused(Errno errno, ulong pfn, string why, bool canBeForced = false) =>
        new(Operation, errno, $"Frame 0x{pfn:x}: nothing was done: {why}.", pfn) { CanBeForced = canBeForced };
}

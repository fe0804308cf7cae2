using MemProc.Interop;

namespace MemProc;

/// <summary>What poisoning a frame and giving it back have in common. The kernel's word is checked afterwards.</summary>
public abstract class PoisonWork : IDisposable
{
    private readonly KernelFiles _files;
    private readonly FrameTables _tables;
    private readonly FrameFolios _folios;
    private readonly string _fileName;

    /// <summary>Checks that the kernel can do it.</summary>
    /// <param name="operation">What is to be done, one word.</param>
    /// <param name="fileName">The file of debugfs that does it.</param>
    /// <param name="files">Where procfs and debugfs are.</param>
    private protected PoisonWork(Operation operation, string fileName, KernelFiles? files)
    {
        _files = files ?? KernelFiles.Default;
        _fileName = fileName;
        Operation = operation;
        PoisonFile.Probe(_files, fileName, operation);
        _tables = new FrameTables(FrameFields.Flags | FrameFields.MapCount, _files);
        _folios = new FrameFolios(_tables);
    }

    /// <summary>What is being done, one word.</summary>
    private protected Operation Operation { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Has the kernel do it.</summary>
    /// <param name="pfn">The frame number.</param>
    /// <exception cref="MemProcException">The kernel refused.</exception>
    protected virtual void Write(ulong pfn) => PoisonFile.Write(_files, _fileName, Operation, pfn);

    /// <summary>Closes what was opened.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _tables.Dispose();
        }
    }

    /// <summary>What the kernel knows of a frame.</summary>
    /// <exception cref="MemProcException">ReadPageFlags, EINVAL: the machine has no such frame.</exception>
    private protected PageFlags Frame(ulong pfn) => _tables.Read([pfn], raw: false)[0] ?? throw FrameTables.Beyond(pfn);

    /// <summary>Whether a frame is poisoned; of a page of hugetlbfs, which is poisoned as a whole, the first one is.</summary>
    private protected bool IsPoisoned(ulong pfn) =>
        new KernelPageWord(Frame(pfn).RawFlags).IsPoisoned
        || (_folios.Find([pfn])[0] is FrameFolio folio
            && new KernelPageWord(Frame(folio.HeadPfn).RawFlags).IsPoisoned);

    /// <summary>The exception for something that is refused, or that only a forced call does.</summary>
    private protected MemProcException Refused(Errno errno, ulong pfn, string why) =>
        new(Operation, errno, $"Frame 0x{pfn:x}: nothing was done: {why}.", pfn);
}

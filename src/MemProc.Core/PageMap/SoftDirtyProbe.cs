using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds out whether the kernel keeps soft-dirty bits, by a test on a page of this process: a kernel without
/// CONFIG_MEM_SOFT_DIRTY accepts the command to clear them and does nothing. The test clears the bits of this process.
/// </summary>
public class SoftDirtyProbe : IDisposable
{
    private static readonly Lazy<bool> DefaultResult = new(() => Test(KernelFiles.Default));

    private readonly OwnPage _page = new();
    private readonly LinuxProcess _self;
    private readonly PageMapWalk _walk;

    /// <summary>Opens this process.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">The files of this process cannot be opened.</exception>
    public SoftDirtyProbe(KernelFiles? files = null)
    {
        _self = LinuxProcess.OpenSelf(files);
        _walk = new PageMapWalk(_self);
    }

    /// <summary>Returns the result of the test, which is made once for the machine's own kernel.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">The test itself failed.</exception>
    public static bool IsSupported(KernelFiles files) =>
        files == KernelFiles.Default ? DefaultResult.Value : Test(files);

    /// <summary>
    /// Makes the test: the bit has to be gone after it was cleared, and back after a write. A bit that stays set says
    /// nothing about writes, and a bit that never returns misses all of them.
    /// </summary>
    public bool Test()
    {
        Touch();
        Clear();
        if (IsDirty())
        {
            return false;
        }

        Touch();
        return IsDirty();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Clears the soft-dirty bits of this process.</summary>
    protected virtual void Clear() => ClearRefs.Write(_self, ClearRefsValue.SoftDirty, Operation.ClearSoftDirty);

    /// <summary>Writes to the page.</summary>
    protected virtual void Touch() => _page.Touch();

    /// <summary>Returns whether the page's entry has the bit.</summary>
    protected virtual bool IsDirty() => _walk.At(_page.Address).First().IsSoftDirty == true;

    /// <summary>Frees the page.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _page.Dispose();
            _self.Dispose();
        }
    }

    private static bool Test(KernelFiles files)
    {
        using SoftDirtyProbe probe = new(files);
        return probe.Test();
    }
}

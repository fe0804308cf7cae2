using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds out whether the kernel keeps soft-dirty bits, by a round trip on a page of this very process: a kernel
/// without CONFIG_MEM_SOFT_DIRTY takes the command to clear them and does nothing. The round trip clears the bits of
/// this process.
/// </summary>
public class SoftDirtyProbe : IDisposable
{
    private static readonly Lazy<bool> DefaultAnswer = new(() => Ask(KernelFiles.Default));

    private readonly OwnPage _page = new();
    private readonly LinuxProcess _self;
    private readonly PageMapWalk _walk;

    /// <summary>Opens what it takes.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">This process' own files cannot be opened.</exception>
    public SoftDirtyProbe(KernelFiles? files = null)
    {
        _self = LinuxProcess.Open(Environment.ProcessId, files: files);
        _walk = new PageMapWalk(_self);
    }

    /// <summary>The answer, found out once for the machine's own kernel.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">The round trip itself failed.</exception>
    public static bool IsSupported(KernelFiles files) =>
        files == KernelFiles.Default ? DefaultAnswer.Value : Ask(files);

    /// <summary>
    /// The round trip: cleared, the bit has to be gone; written to, it has to be back. A bit that stays set would be
    /// no news of a write, and one that never comes back hides every one.
    /// </summary>
    public bool Ask()
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
    protected virtual void Clear() => ClearRefs.Write(_self, ClearRefsCommand.SoftDirty, Operation.ClearSoftDirty);

    /// <summary>Writes to the page.</summary>
    protected virtual void Touch() => _page.Touch();

    /// <summary>Whether the page's entry has the bit.</summary>
    protected virtual bool IsDirty() => _walk.At(_page.Address).First().IsSoftDirty;

    /// <summary>Gives the page back.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _page.Dispose();
            _self.Dispose();
        }
    }

    private static bool Ask(KernelFiles files)
    {
        using SoftDirtyProbe probe = new(files);
        return probe.Ask();
    }
}

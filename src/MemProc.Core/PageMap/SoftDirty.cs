using MemProc.Interop;

namespace MemProc;

/// <summary>The kernel's soft-dirty bits: a page that is written to gets one, and keeps it until all are cleared.</summary>
public static class SoftDirty
{
    /// <summary>Throws where the kernel keeps no such bits: clearing them would tell nothing.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">ENOSYS.</exception>
    public static void ThrowIfUnsupported(KernelFiles? files = null)
    {
        if (!SoftDirtyProbe.IsSupported(files ?? KernelFiles.Default))
        {
            throw new MemProcException(Operation.ClearSoftDirty, Errno.ENOSYS,
                "This kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY): tried on a page of this process, it took "
                + "the command to clear them, and a write to the page left no trace.");
        }
    }

    /// <summary>Clears the soft-dirty bits of all pages of a process.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ClearSoftDirty: ENOSYS where the kernel keeps no such bits; EACCES for another user's process; ESRCH where it
    /// has ended, or is a thread of the kernel.
    /// </exception>
    public static SoftDirtyClear Clear(LinuxProcess process)
    {
        ThrowIfUnsupported(process.Files);
        DateTime time = DateTime.Now;
        ClearRefs.Write(process, ClearRefsCommand.SoftDirty, Operation.ClearSoftDirty);
        return new SoftDirtyClear(process.Identity, time);
    }
}

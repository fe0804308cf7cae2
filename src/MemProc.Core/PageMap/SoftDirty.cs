using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>The kernel's soft-dirty bits: a write to a page sets its bit, which stays until all bits are cleared.</summary>
public static class SoftDirty
{
    /// <summary>Throws where the kernel has no soft-dirty bits, so that clearing them has no effect.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">ENOSYS.</exception>
    public static void ThrowIfUnsupported(KernelFiles? files = null)
    {
        if (!SoftDirtyProbe.IsSupported(files ?? KernelFiles.Default))
        {
            throw new MemProcException(Operation.ClearSoftDirty, Errno.ENOSYS,
                "This kernel keeps no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY). In a test on a page of this process, it "
                + "accepted the command to clear them, and a write to the page set no bit.");
        }
    }

    /// <summary>Clears the soft-dirty bits of all pages of a process.</summary>
    /// <param name="process">The process.</param>
    /// <exception cref="MemProcException">
    /// ClearSoftDirty: ENOSYS where the kernel keeps no soft-dirty bits; EACCES for another user's process; ESRCH where
    /// the process has exited, or is a kernel thread.
    /// </exception>
    public static SoftDirtyClear Clear(LinuxProcess process)
    {
        ThrowIfUnsupported(process.Files);
        DateTime time = DateTime.Now;
        ClearRefs.Write(process, ClearRefsValue.SoftDirty, Operation.ClearSoftDirty);
        return new SoftDirtyClear(process.Identity, time);
    }
}

/// <summary>A process whose soft-dirty bits were cleared.</summary>
public sealed class SoftDirtyClear : ProcessOutput
{
    internal SoftDirtyClear(ProcessIdentity process, DateTime time)
    {
        Process = process;
        Time = time;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>When they were cleared, in local time: soft-dirty pages have been written since.</summary>
    public DateTime Time { get; }

    /// <summary>Returns process and time.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Process} {Time:HH:mm:ss.fff}");
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Saved copies of the frame tables, such as made by <c>cat /proc/kpageflags > file</c>.</summary>
/// <param name="Flags">The copy of <c>/proc/kpageflags</c>.</param>
/// <param name="MapCounts">The copy of <c>/proc/kpagecount</c>; null where there is none.</param>
/// <param name="Cgroups">The copy of <c>/proc/kpagecgroup</c>; null where there is none.</param>
public sealed record FrameTableCopies(string Flags, string? MapCounts = null, string? Cgroups = null)
{
    /// <summary>Opens a copy.</summary>
    internal static SafeFileHandle Open(string path)
    {
        // Checked before it is opened: opening a device can have effects.
        Errno errno = Libc.TryStatX(null, path, out FileStatus status);
        if (errno == Errno.None && (!status.IsRegular || status.SizeBytes == 0 || status.SizeBytes % sizeof(ulong) != 0))
        {
            // Those in procfs have no size, and are read by the kernel's own rules.
            throw new MemProcException(Operation.ReadPageFlags, Errno.EINVAL, $"{SafeText.Escape(path)} is not a saved frame "
                + "table: a regular file with 8 bytes for each frame. To read the tables of this machine, specify no file.",
                path);
        }

        SafeFileHandle? file = null;
        errno = errno == Errno.None ? Libc.TryOpenAt(null, path, OpenAccess.ReadNonBlocking, out file) : errno;
        return file ?? throw new MemProcException(Operation.ReadPageFlags, errno,
            $"{SafeText.Escape(path)}: cannot be opened: {ErrnoException.Describe(errno)} ({errno}).", path);
    }
}

using System.Globalization;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A file of the kernel's poison injector in debugfs, <c>hwpoison/corrupt-pfn</c> or <c>hwpoison/unpoison-pfn</c>
/// (<c>mm/hwpoison-inject.c</c>). Writing a frame number to it poisons or unpoisons the frame.
/// </summary>
internal static class PoisonFile
{
    /// <summary>Checks that the file can be written, without writing.</summary>
    /// <param name="files">Where debugfs and procfs are.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="operation">The operation that needs it, for the error.</param>
    /// <exception cref="MemProcException">
    /// ENOENT: the kernel lacks a part; EACCES, EPERM: the file may not be opened.
    /// </exception>
    public static void Probe(KernelFiles files, string name, Operation operation) =>
        Open(files, name, operation).Dispose();

    /// <summary>Writes a frame number.</summary>
    /// <param name="files">Where debugfs and procfs are.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="operation">The operation, for the error.</param>
    /// <param name="pfn">The frame number.</param>
    /// <returns>
    /// The kernel's error. It can come after the kernel has changed the state of the frame (<c>mm/memory-failure.c</c>).
    /// </returns>
    /// <exception cref="MemProcException">The file cannot be opened; nothing was done.</exception>
    public static Errno Write(KernelFiles files, string name, Operation operation, ulong pfn)
    {
        using SafeFileHandle file = Open(files, name, operation);
        byte[] text = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"0x{pfn:x}\n"));
        return Libc.TryWrite(file, text, out _);
    }

    private static SafeFileHandle Open(KernelFiles files, string name, Operation operation)
    {
        string path = $"{files.Debug}/hwpoison/{name}";
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.WriteOnly, out SafeFileHandle? file);
        return file ?? throw new MemProcException(operation, errno, errno switch
        {
            Errno.ENOENT or Errno.ENOTDIR => Missing(files, path),
            Errno.EACCES => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}). "
                + CallerRights.Read(files).Explain([Capability.DacOverride]),
            Errno.EPERM => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}). "
                + (CallerRights.Read(files) is { Lockdown: not (null or "none") } rights
                    ? $"The kernel is in lockdown ({rights.Lockdown}), which allows no changes through debugfs."
                    : "A kernel in lockdown allows no changes through debugfs, whatever the rights."),
            _ => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}).",
        }, path);
    }

    /// <summary>Returns what is missing, the deepest cause first.</summary>
    private static string Missing(KernelFiles files, string path)
    {
        // This file exists with memory failure handling, whatever is loaded or mounted.
        if (!File.Exists($"{files.Proc}/sys/vm/memory_failure_recovery"))
        {
            return "This kernel cannot poison pages: it was built without CONFIG_MEMORY_FAILURE.";
        }

        bool isMounted = Directory.Exists(files.Debug) && Directory.EnumerateFileSystemEntries(files.Debug).Any();
        return isMounted
            ? $"There is no {path}: the module hwpoison-inject is not loaded (modprobe hwpoison-inject), or the kernel was "
                + "built without it (CONFIG_HWPOISON_INJECT)."
            : $"There is no {path}: debugfs is not mounted (mount -t debugfs none {files.Debug}).";
    }
}

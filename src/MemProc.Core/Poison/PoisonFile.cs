using System.Globalization;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// A file of the kernel's poison injector in debugfs, <c>hwpoison/corrupt-pfn</c> or <c>hwpoison/unpoison-pfn</c>
/// (<c>mm/hwpoison-inject.c</c>): a frame number written to it is carried out.
/// </summary>
internal static class PoisonFile
{
    /// <summary>Checks that the kernel can do it, without doing anything.</summary>
    /// <param name="files">Where debugfs and procfs are.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="operation">What it is wanted for.</param>
    /// <exception cref="MemProcException">ENOENT: something of the kernel is missing; EACCES, EPERM: it is closed.</exception>
    public static void Probe(KernelFiles files, string name, Operation operation) =>
        Open(files, name, operation).Dispose();

    /// <summary>Writes a frame number.</summary>
    /// <param name="files">Where debugfs and procfs are.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="operation">What it is for.</param>
    /// <param name="pfn">The frame number.</param>
    /// <exception cref="MemProcException">The kernel refused; nothing was done.</exception>
    public static void Write(KernelFiles files, string name, Operation operation, ulong pfn)
    {
        using SafeFileHandle file = Open(files, name, operation);
        byte[] text = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"0x{pfn:x}\n"));
        Errno errno = Libc.TryWrite(file, text, out _);
        if (errno != Errno.None)
        {
            throw new MemProcException(operation, errno, $"The kernel refuses for frame 0x{pfn:x}: "
                + $"{ErrnoException.Describe(errno)} ({errno}).{Remedy(errno)}", pfn);
        }
    }

    private static SafeFileHandle Open(KernelFiles files, string name, Operation operation)
    {
        string path = $"{files.Debug}/hwpoison/{name}";
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.WriteOnly, out SafeFileHandle? file);
        return file ?? throw new MemProcException(operation, errno, errno switch
        {
            Errno.ENOENT or Errno.ENOTDIR => Missing(files, path),
            Errno.EACCES => $"{path} is for root alone: run as root.",
            Errno.EPERM => $"{path} is closed, for root too: a kernel in lockdown allows no changes through debugfs "
                + "(see /sys/kernel/security/lockdown).",
            _ => $"{path} cannot be opened: {ErrnoException.Describe(errno)} ({errno}).",
        }, path);
    }

    /// <summary>What of the kernel is missing, the deepest first.</summary>
    private static string Missing(KernelFiles files, string path)
    {
        // This file is there with memory failure handling, whatever is loaded or mounted.
        if (!File.Exists($"{files.Proc}/sys/vm/memory_failure_recovery"))
        {
            return "This kernel cannot poison pages: it was built without handling of memory errors "
                + "(CONFIG_MEMORY_FAILURE).";
        }

        bool isMounted = Directory.Exists(files.Debug) && Directory.EnumerateFileSystemEntries(files.Debug).Any();
        return isMounted
            ? $"There is no {path}: the module hwpoison-inject is not loaded (modprobe hwpoison-inject), or this kernel "
                + "was built without it (CONFIG_HWPOISON_INJECT)."
            : $"There is no {path}: debugfs is not mounted (mount -t debugfs none {files.Debug}).";
    }

    private static string Remedy(Errno errno) => errno switch
    {
        Errno.EPERM or Errno.EACCES => " It takes CAP_SYS_ADMIN (run as root, outside of a container).",
        Errno.EBUSY => " The page is in use by the kernel right now; it may work when tried again.",
        Errno.EOPNOTSUPP => " After a memory error of the hardware the kernel gives no frame back until it restarts.",
        _ => string.Empty,
    };
}

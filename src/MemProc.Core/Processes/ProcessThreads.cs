using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The threads of an open process, and the one through which its memory and its files are reached: the main thread, or
/// another one where that has exited.
/// </summary>
/// <param name="processId">The id of the process, which is that of its main thread.</param>
/// <param name="process">The directory of the process in procfs; the owner of this object closes it.</param>
/// <param name="files">The mount point of procfs.</param>
/// <param name="hasTerminated">Whether the id may belong to another process by now.</param>
internal sealed class ProcessThreads(
    int processId, SafeFileHandle process, KernelFiles files, Func<bool> hasTerminated) : IDisposable
{
    /// <summary>More threads than can exit, one after another, while one file is opened.</summary>
    private const int MaxSwitches = 100;

    private volatile LivingThread _current = new(processId, process);

    /// <summary>The id of the thread.</summary>
    public int Id => _current.Id;

    /// <summary>The directory of the thread in procfs' root, with all files of the process.</summary>
    public SafeFileHandle Folder => _current.Folder;

    /// <summary>Opens a file of the process, by another thread where one exits meanwhile.</summary>
    /// <param name="name">Its name in the directory.</param>
    /// <param name="access">For reading, or for reading and writing.</param>
    /// <param name="file">The file; null where it cannot be opened.</param>
    public Errno TryOpen(string name, OpenAccess access, out SafeFileHandle? file)
    {
        Errno errno = Libc.TryOpenAt(Folder, name, access, out file);
        // Checked after it was opened: a thread that lives now had its memory then.
        for (int attempt = 0; attempt < MaxSwitches && !(name == "pagemap" && HasEntries(file)) && TrySwitch(); attempt++)
        {
            file?.Dispose();
            errno = Libc.TryOpenAt(Folder, name, access, out file);
        }

        return errno;
    }

    /// <summary>
    /// If the thread has exited, switches to another one that runs. An execve(2) of another thread gives the main thread's
    /// id back.
    /// </summary>
    /// <returns>Whether there is another one, so that what failed or was empty can be repeated.</returns>
    public bool TrySwitch()
    {
        LivingThread current = _current;
        // The first costs half of the second, and a kernel thread never has memory.
        if (HasMemory(current.Folder) || IsLiving(current.Folder))
        {
            return false;
        }

        foreach (int id in (int[])[processId, .. Ids()])
        {
            if (id != current.Id && TryOpenFolder(id) is SafeFileHandle folder)
            {
                // The former directory stays open for those who use it now, until it is collected.
                _current = new LivingThread(id, folder);
                return true;
            }
        }

        return false;
    }

    /// <summary>Returns the ids in ascending order; none where the process has exited.</summary>
    public int[] Ids()
    {
        bool referenced = false;
        process.DangerousAddRef(ref referenced);
        try
        {
            return [.. Directory.EnumerateDirectories($"/proc/self/fd/{process.DangerousGetHandle()}/task")
                .Select(folder => int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)).Order()];
        }
        catch (IOException)
        {
            return [];
        }
        finally
        {
            process.DangerousRelease();
        }
    }

    /// <summary>Reads the stat file of a thread; null where there is no such thread.</summary>
    public ProcessStat? Stat(int threadId) =>
        TryReadStat(process, $"task/{threadId}/stat", out ProcessStat stat) ? stat : null;

    /// <summary>Reads a small file that procfs has of a thread.</summary>
    /// <param name="threadId">The thread's id.</param>
    /// <param name="name">The name of the file.</param>
    /// <param name="buffer">Receives the text, or the beginning of it.</param>
    /// <param name="read">Number of bytes read.</param>
    /// <returns>ENOENT, ESRCH: there is no such thread; EACCES, EPERM: the file is hidden.</returns>
    public Errno TryRead(int threadId, string name, Span<byte> buffer, out int read)
    {
        read = 0;
        TrySwitch();
        Errno errno = Libc.TryOpenAt(Folder, $"task/{threadId}/{name}", OpenAccess.ReadOnly, out SafeFileHandle? file);
        using (file)
        {
            return errno == Errno.None ? Libc.TryPRead(file!, buffer, 0, out read) : errno;
        }
    }

    /// <summary>Reads a stat file; false where there is none.</summary>
    /// <param name="folder">A directory of procfs.</param>
    /// <param name="name">The path of the file in it.</param>
    /// <param name="stat">What it says.</param>
    public static bool TryReadStat(SafeFileHandle folder, string name, out ProcessStat stat)
    {
        stat = default;
        if (Libc.TryOpenAt(folder, name, OpenAccess.ReadOnly, out SafeFileHandle? file) != Errno.None)
        {
            return false;
        }

        using (file)
        {
            Span<byte> text = stackalloc byte[1024];
            return Libc.TryPRead(file!, text, 0, out int read) == Errno.None
                && ProcessStat.TryParse(text[..read], out stat);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Folder.Dispose();

    /// <summary>
    /// Opens the directory of a living thread. That of procfs' root is not listed but has all files; the one in task lacks
    /// some. Null where it has exited, or where its id belongs to another process.
    /// </summary>
    private SafeFileHandle? TryOpenFolder(int id)
    {
        if (id == processId)
        {
            return IsLiving(process) ? process : null;
        }

        if (Libc.TryOpenAt(null, $"{files.Proc}/{id}", OpenAccess.ReadOnly, out SafeFileHandle? folder) != Errno.None)
        {
            return null;
        }

        // The pinned directory of the process knows only threads of the process; start times tell two threads with one
        // id apart.
        if (IsLiving(folder!) && Stat(id) is ProcessStat listed && TryReadStat(folder!, "stat", out ProcessStat opened)
            && listed.StartTicks == opened.StartTicks && !hasTerminated())
        {
            return folder;
        }

        folder!.Dispose();
        return null;
    }

    /// <summary>
    /// Whether an entry can be read: exactly as long as there is memory, and it costs a fifth of what <see cref="TrySwitch"/> does.
    /// </summary>
    private static bool HasEntries(SafeFileHandle? pagemap)
    {
        Span<byte> entry = stackalloc byte[sizeof(ulong)];
        return pagemap is not null && Libc.TryPRead(pagemap, entry, 0, out int read) == Errno.None && read > 0;
    }

    /// <summary>Whether the memory of a thread has a size; one that exits gives its memory up at once.</summary>
    private static bool HasMemory(SafeFileHandle folder)
    {
        if (Libc.TryOpenAt(folder, "statm", OpenAccess.ReadOnly, out SafeFileHandle? file) != Errno.None)
        {
            return false;
        }

        using (file)
        {
            Span<byte> text = stackalloc byte[256];
            return Libc.TryPRead(file!, text, 0, out int read) == Errno.None && read > 0 && text[0] != (byte)'0';
        }
    }

    /// <summary>Whether a thread has not begun to exit. One that has may have no memory before it becomes a zombie.</summary>
    private static bool IsLiving(SafeFileHandle folder) =>
        TryReadStat(folder, "stat", out ProcessStat stat) && !stat.IsZombie && !stat.IsExiting;

    /// <summary>A thread, and its directory in procfs.</summary>
    private sealed record LivingThread(int Id, SafeFileHandle Folder);
}

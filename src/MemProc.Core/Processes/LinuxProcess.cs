using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// An open process. Its folder in procfs is opened once and everything else is opened from there, so that the
/// kernel itself keeps a process that later gets the same id from slipping in.
/// </summary>
public sealed class LinuxProcess : IDisposable
{
    private readonly SafeFileHandle _folder;
    private readonly SafeFileHandle? _pidfd;
    private SafeFileHandle? _maps;
    private SafeFileHandle? _pageMap;
    private SafeFileHandle? _memory;

    private LinuxProcess(
        SafeFileHandle folder, SafeFileHandle? pidfd, ProcessStat stat, KernelFiles files)
    {
        _folder = folder;
        _pidfd = pidfd;
        Files = files;
        Identity = new ProcessIdentity(stat.ProcessId, stat.Name, stat.StartTicks);
        IsKernelThread = stat.IsKernelThread;
        HugeTlbDevices = new Lazy<HashSet<(uint Major, uint Minor)>>(ReadHugeTlbDevices);
    }

    /// <summary>Where the kernel's file systems are mounted.</summary>
    public KernelFiles Files { get; }

    /// <summary>Which process it is.</summary>
    public ProcessIdentity Identity { get; }

    /// <summary>The process id.</summary>
    public int Id => Identity.ProcessId;

    /// <summary>A thread of the kernel: it has no memory of its own, and its maps are empty.</summary>
    public bool IsKernelThread { get; }

    /// <summary>Devices of mounted hugetlbfs file systems that the process sees.</summary>
    internal Lazy<HashSet<(uint Major, uint Minor)>> HugeTlbDevices { get; }

    /// <summary>Opens a process.</summary>
    /// <param name="processId">The process id.</param>
    /// <param name="expectedStartTicks">
    /// The start time that the process must have: given, a newer process with the same id is refused.
    /// </param>
    /// <param name="files">Where procfs is; the usual place when left out.</param>
    /// <exception cref="MemProcException">
    /// OpenProcess: ESRCH where there is no such process (any more), EACCES where procfs hides it.
    /// </exception>
    public static LinuxProcess Open(int processId, ulong? expectedStartTicks = null, KernelFiles? files = null)
    {
        files ??= KernelFiles.Default;
        Errno errno = Libc.TryOpenAt(null, $"{files.Proc}/{processId}", OpenAccess.ReadOnly, out SafeFileHandle? folder);
        Errno pidfdErrno = Libc.TryPidfdOpen(processId, out SafeFileHandle? pidfd);
        if (folder is null)
        {
            pidfd?.Dispose();
            throw errno is Errno.ENOENT or Errno.ESRCH && pidfdErrno == Errno.None
                ? Refused(processId, Errno.EACCES, "exists, but /proc is mounted so that it is hidden (hidepid). "
                    + "It takes CAP_SYS_PTRACE or the group named by the mount's gid= option to see it")
                : errno is Errno.ENOENT or Errno.ESRCH
                ? Refused(processId, Errno.ESRCH, "does not exist")
                : Refused(processId, errno, $"cannot be opened: {ErrnoException.Describe(errno)}");
        }

        // Read after the pidfd was opened: an answer means that the number still meant this process by then.
        if (!TryReadStat(folder, "stat", out ProcessStat stat))
        {
            folder.Dispose();
            pidfd?.Dispose();
            throw Refused(processId, Errno.ESRCH, "has just ended");
        }

        if (expectedStartTicks is ulong expected && expected != stat.StartTicks)
        {
            folder.Dispose();
            pidfd?.Dispose();
            throw Refused(processId, Errno.ESRCH, "has ended; its number now belongs to another process, "
                + $"{SafeText.Escape(stat.Name)}");
        }

        return new LinuxProcess(folder, pidfd, stat, files);
    }

    /// <summary>
    /// Whether the process has exited, waited for or not. Its memory is gone then, and whatever is read through
    /// handles opened earlier looks like an end of file.
    /// </summary>
    public bool HasExited => IsOver || (TryReadStat(_folder, "stat", out ProcessStat stat) && stat.IsZombie
        // A pidfd is silent while a tracer still holds the dead threads. That a main thread has ended says nothing.
        && ThreadIds().All(thread => ThreadStat(thread) is not { IsZombie: false }));

    /// <summary>
    /// Whether its number may already mean another process. Cheaper to ask than <see cref="HasExited"/>.
    /// </summary>
    private bool IsOver => _pidfd is not null ? Libc.IsReadable(_pidfd) : !TryReadStat(_folder, "stat", out _);

    /// <summary>Its folder in procfs.</summary>
    internal SafeFileHandle Folder => _folder;

    /// <summary><c>/proc/PID/maps</c>, opened once.</summary>
    internal SafeFileHandle Maps => _maps ??= OpenFile("maps", Operation.ReadMaps);

    /// <summary><c>/proc/PID/pagemap</c>, opened once.</summary>
    internal SafeFileHandle PageMap => _pageMap ??= OpenFile("pagemap", Operation.ReadPageMap);

    /// <summary><c>/proc/PID/mem</c>, opened once for reading.</summary>
    internal SafeFileHandle Memory => _memory ??= OpenFile("mem", Operation.ReadMemory);

    /// <summary>Opens one of the process' files in procfs.</summary>
    /// <param name="name">Its name in the process' folder.</param>
    /// <param name="operation">What it is opened for, for the error.</param>
    /// <param name="access">Reading, or reading and writing.</param>
    /// <exception cref="MemProcException">The file cannot be opened.</exception>
    public SafeFileHandle OpenFile(string name, Operation operation, OpenAccess access = OpenAccess.ReadOnly)
    {
        Errno errno = Libc.TryOpenAt(_folder, name, access, out SafeFileHandle? handle);
        return handle ?? throw Failure(operation, errno, $"{Files.Proc}/{Id}/{name} cannot be opened");
    }

    /// <summary>The ids of its threads now, in rising order; none where it has ended.</summary>
    public int[] ThreadIds()
    {
        bool referenced = false;
        _folder.DangerousAddRef(ref referenced);
        try
        {
            return [.. Directory.EnumerateDirectories($"/proc/self/fd/{_folder.DangerousGetHandle()}/task")
                .Select(folder => int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture)).Order()];
        }
        catch (IOException)
        {
            return [];
        }
        finally
        {
            _folder.DangerousRelease();
        }
    }

    /// <summary>What procfs says of one of its threads; null where there is no such thread (any more).</summary>
    /// <param name="threadId">The thread's id.</param>
    public ProcessStat? ThreadStat(int threadId) =>
        TryReadStat(_folder, $"task/{threadId}/stat", out ProcessStat stat) ? stat : null;

    /// <summary>What the kernel says of a file as this process sees it.</summary>
    /// <param name="path">An absolute path in the process' own mount namespace.</param>
    /// <param name="status">The answer.</param>
    internal Errno TryStat(string path, out FileStatus status) =>
        Libc.TryStatX(_folder, $"root{path}", out status);

    /// <summary>Throws where the process has exited meanwhile: an answer that ended early would be a lie.</summary>
    /// <param name="operation">What was being done.</param>
    /// <exception cref="MemProcException">ESRCH.</exception>
    public void ThrowIfExited(Operation operation)
    {
        if (HasExited)
        {
            throw Exited(operation);
        }
    }

    /// <summary>Throws where what went by the process' number may have gone to another one.</summary>
    /// <inheritdoc cref="ThrowIfExited"/>
    internal void ThrowIfOver(Operation operation)
    {
        if (IsOver)
        {
            throw Exited(operation);
        }
    }

    /// <summary>
    /// The exception for something that failed: a process that has exited is called that, whatever the kernel's
    /// error number; a refusal says which right is missing.
    /// </summary>
    /// <param name="operation">What was being done, one word.</param>
    /// <param name="errno">The kernel's reason.</param>
    /// <param name="what">What failed, in words, without the reason.</param>
    /// <param name="target">What it was about; the process id when left out.</param>
    public MemProcException Failure(Operation operation, Errno errno, string what, object? target = null)
    {
        if (HasExited)
        {
            return Exited(operation);
        }

        if (IsKernelThread)
        {
            return new MemProcException(operation, Errno.ESRCH,
                $"Process {Identity} is a thread of the kernel: it has no memory of its own.", Id);
        }

        string remedy = errno is Errno.EACCES or Errno.EPERM ? $" {AccessRemedy()}" : string.Empty;
        return new MemProcException(operation, errno,
            $"Process {Identity}: {what}: {ErrnoException.Describe(errno)} ({errno}).{remedy}", target ?? Id);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory?.Dispose();
        _pageMap?.Dispose();
        _maps?.Dispose();
        _pidfd?.Dispose();
        _folder.Dispose();
    }

    private static MemProcException Refused(int processId, Errno errno, string reason) =>
        new(Operation.OpenProcess, errno, $"Process {processId} {reason}.", processId);

    private static bool TryReadStat(SafeFileHandle folder, string name, out ProcessStat stat)
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

    private MemProcException Exited(Operation operation)
    {
        bool waitedFor = !TryReadStat(_folder, "stat", out _);
        string state = waitedFor
            ? "has ended"
            : "has exited and waits for its parent as a zombie; its memory is gone";
        return new MemProcException(operation, Errno.ESRCH, $"Process {Identity} {state}.", Id);
    }

    private string AccessRemedy()
    {
        string remedy = "Memory of another user's process, or of one with more rights, takes CAP_SYS_PTRACE "
            + "(run as root).";
        return File.Exists($"{Files.Proc}/sys/kernel/yama/ptrace_scope")
            ? remedy + " The Yama module may also limit it: see /proc/sys/kernel/yama/ptrace_scope."
            : remedy;
    }

    private HashSet<(uint Major, uint Minor)> ReadHugeTlbDevices()
    {
        HashSet<(uint, uint)> devices = [];
        if (Libc.TryOpenAt(_folder, "mountinfo", OpenAccess.ReadOnly, out SafeFileHandle? file) != Errno.None)
        {
            return devices;
        }

        // "36 35 98:0 /root /mount options - type source superoptions"
        using StreamReader reader = new(new FileStream(file!, FileAccess.Read));
        while (reader.ReadLine() is string line)
        {
            if (line.Contains(" - hugetlbfs ", StringComparison.Ordinal)
                && line.Split(' ') is [_, _, string device, ..]
                && device.Split(':') is [string major, string minor])
            {
                devices.Add((uint.Parse(major), uint.Parse(minor)));
            }
        }

        return devices;
    }
}

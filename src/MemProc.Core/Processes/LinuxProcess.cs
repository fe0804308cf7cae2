using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// An open process. All its files are opened relative to its directory in procfs, which is opened once, so that a
/// process that gets the same id later is never mistaken for it.
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

    /// <summary>The mount points of the kernel's file systems.</summary>
    public KernelFiles Files { get; }

    /// <summary>The identity of the process.</summary>
    public ProcessIdentity Identity { get; }

    /// <summary>The process id.</summary>
    public int Id => Identity.ProcessId;

    /// <summary>It is a kernel thread: it has no memory of its own, and its maps are empty.</summary>
    public bool IsKernelThread { get; }

    /// <summary>Devices of the hugetlbfs file systems in the mount namespace of the process.</summary>
    internal Lazy<HashSet<(uint Major, uint Minor)>> HugeTlbDevices { get; }

    /// <summary>Opens a process.</summary>
    /// <param name="processId">The process id.</param>
    /// <param name="expectedStartTicks">
    /// The start time that the process must have; a newer process with the same id is refused.
    /// </param>
    /// <param name="files">The mount point of procfs; the usual one by default.</param>
    /// <exception cref="MemProcException">
    /// OpenProcess: ESRCH where there is no such process, EACCES where procfs hides it.
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
                ? Refused(processId, Errno.EACCES, "exists, but is hidden by the hidepid option of /proc. "
                    + "Requires CAP_SYS_PTRACE, or the group of the mount's gid= option")
                : errno is Errno.ENOENT or Errno.ESRCH
                ? Refused(processId, Errno.ESRCH, "does not exist")
                : Refused(processId, errno, $"cannot be opened: {ErrnoException.Describe(errno)}");
        }

        // Read after the pidfd was opened: on success, the pidfd is of the same process.
        if (!TryReadStat(folder, "stat", out ProcessStat stat))
        {
            folder.Dispose();
            pidfd?.Dispose();
            throw Refused(processId, Errno.ESRCH, "has just exited");
        }

        if (expectedStartTicks is ulong expected && expected != stat.StartTicks)
        {
            folder.Dispose();
            pidfd?.Dispose();
            throw Refused(processId, Errno.ESRCH, "has exited; its id now belongs to another process, "
                + $"{SafeText.Escape(stat.Name)}");
        }

        return new LinuxProcess(folder, pidfd, stat, files);
    }

    /// <summary>
    /// Whether the process has exited, even if its parent has not waited for it. Its memory is gone then, and reads
    /// through handles opened earlier return an end of file.
    /// </summary>
    public bool HasExited => HasTerminated || (TryReadStat(_folder, "stat", out ProcessStat stat) && stat.IsZombie
        // A pidfd does not report the exit while a tracer holds dead threads. Other threads may outlive the main
        // thread.
        && ThreadIds().All(thread => ThreadStat(thread) is not { IsZombie: false }));

    /// <summary>
    /// Whether its id may belong to another process by now. Cheaper than <see cref="HasExited"/>.
    /// </summary>
    private bool HasTerminated => _pidfd is not null ? Libc.IsReadable(_pidfd) : !TryReadStat(_folder, "stat", out _);

    /// <summary>A handle of pidfd_open(2), which also pins the process; null where the kernel has none (before Linux 5.3).</summary>
    internal SafeFileHandle? Pidfd => _pidfd;

    /// <summary>Its directory in procfs.</summary>
    internal SafeFileHandle Folder => _folder;

    /// <summary><c>/proc/PID/maps</c>, opened once.</summary>
    internal SafeFileHandle Maps => _maps ??= OpenFile("maps", Operation.ReadMaps);

    /// <summary><c>/proc/PID/pagemap</c>, opened once.</summary>
    internal SafeFileHandle PageMap => _pageMap ??= OpenFile("pagemap", Operation.ReadPageMap);

    /// <summary><c>/proc/PID/mem</c>, opened once for reading.</summary>
    internal SafeFileHandle Memory => _memory ??= OpenFile("mem", Operation.ReadMemory);

    /// <summary>Opens one of the process' files in procfs.</summary>
    /// <param name="name">Its name in the directory of the process.</param>
    /// <param name="operation">The operation that an error names.</param>
    /// <param name="access">For reading, or for reading and writing.</param>
    /// <exception cref="MemProcException">The file cannot be opened.</exception>
    public SafeFileHandle OpenFile(string name, Operation operation, OpenAccess access = OpenAccess.ReadOnly)
    {
        Errno errno = Libc.TryOpenAt(_folder, name, access, out SafeFileHandle? handle);
        return handle ?? throw Failure(operation, errno, $"{Files.Proc}/{Id}/{name} cannot be opened");
    }

    /// <summary>Returns the ids of its threads in ascending order; none where it has exited.</summary>
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

    /// <summary>Reads the stat file of one of its threads; null where there is no such thread.</summary>
    /// <param name="threadId">The thread's id.</param>
    public ProcessStat? ThreadStat(int threadId) =>
        TryReadStat(_folder, $"task/{threadId}/stat", out ProcessStat stat) ? stat : null;

    /// <summary>Reads the status of a file in the mount namespace of the process.</summary>
    /// <param name="path">An absolute path in that mount namespace.</param>
    /// <param name="status">The status.</param>
    internal Errno TryStat(string path, out FileStatus status) =>
        Libc.TryStatX(_folder, $"root{path}", out status);

    /// <summary>Throws if the process has exited, so that incomplete results are not returned as complete.</summary>
    /// <param name="operation">The operation that the error names.</param>
    /// <exception cref="MemProcException">ESRCH.</exception>
    public void ThrowIfExited(Operation operation)
    {
        if (HasExited)
        {
            throw Exited(operation);
        }
    }

    /// <summary>Throws if a call with the id of the process may have reached another process.</summary>
    /// <inheritdoc cref="ThrowIfExited"/>
    internal void ThrowIfTerminated(Operation operation)
    {
        if (HasTerminated)
        {
            throw Exited(operation);
        }
    }

    /// <summary>
    /// Creates the exception for a failure. If the process has exited, it says so whatever the kernel's error; if
    /// access was denied, it names the missing capability.
    /// </summary>
    /// <param name="operation">The operation that failed.</param>
    /// <param name="errno">The kernel's error.</param>
    /// <param name="what">Describes what failed, without the reason.</param>
    /// <param name="target">The target object of the error; the process id by default.</param>
    public MemProcException Failure(Operation operation, Errno errno, string what, object? target = null)
    {
        if (HasExited)
        {
            return Exited(operation);
        }

        if (IsKernelThread)
        {
            return new MemProcException(operation, Errno.ESRCH,
                $"Process {Identity} is a kernel thread: it has no memory of its own.", Id);
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
            ? "has exited"
            : "has exited and is a zombie; its memory is gone";
        return new MemProcException(operation, Errno.ESRCH, $"Process {Identity} {state}.", Id);
    }

    private string AccessRemedy()
    {
        string remedy = "Memory of another user's process, or of one with more capabilities, requires "
            + "CAP_SYS_PTRACE. Run as root.";
        return File.Exists($"{Files.Proc}/sys/kernel/yama/ptrace_scope")
            ? remedy + " The Yama module may also restrict access: see /proc/sys/kernel/yama/ptrace_scope."
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

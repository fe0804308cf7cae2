using System.Globalization;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// An open process. All its files are opened relative to its directory in procfs, which is opened once, so that a
/// process that gets the same id later is never mistaken for it.
/// </summary>
public sealed class LinuxProcess : MemoryTarget
{
    private readonly SafeFileHandle _folder;
    private readonly ProcessThreads _threads;
    private readonly Lazy<SafeFileHandle?> _pidfd;
    private SafeFileHandle? _maps;
    private bool? _answersQueries;
    private SafeFileHandle? _pageMap;
    private SafeFileHandle? _memory;
    private TargetFiles? _namedFiles;
    private LivePages? _pages;

    private LinuxProcess(SafeFileHandle folder, ProcessStat stat, KernelFiles files)
    {
        _folder = folder;
        _pidfd = new Lazy<SafeFileHandle?>(OpenPidfd);
        Files = files;
        Identity = new ProcessIdentity(stat.ProcessId, stat.Name, stat.StartTicks);
        IsKernelThread = stat.IsKernelThread;
        _threads = new ProcessThreads(stat.ProcessId, folder, files, () => HasTerminated);
        HugeTlbDevices = new Lazy<HashSet<(uint Major, uint Minor)>>(ReadHugeTlbDevices);
    }

    /// <summary>The mount points of the kernel's file systems.</summary>
    public override KernelFiles Files { get; }

    /// <inheritdoc/>
    public override ProcessIdentity Identity { get; }

    /// <summary>It is a kernel thread: it has no memory of its own, and its maps are empty.</summary>
    public bool IsKernelThread { get; }

    /// <inheritdoc/>
    internal override Lazy<HashSet<(uint Major, uint Minor)>> HugeTlbDevices { get; }

    /// <summary>Id of this process in procfs: what <see cref="Open"/> takes.</summary>
    public static int OwnId => KernelFiles.Default.OwnId;

    /// <summary>Opens a process.</summary>
    /// <param name="processId">The process id, as procfs has it.</param>
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
        if (folder is null)
        {
            bool isMissing = errno is Errno.ENOENT or Errno.ESRCH;
            using SafeFileHandle? hidden = files.TryOpenPidfd(processId);
            throw (isMissing && hidden is not null) || errno is Errno.EPERM or Errno.EACCES
                ? Hidden(processId, isMissing ? Errno.EACCES : errno, files)
                : isMissing
                ? Refused(processId, Errno.ESRCH, "does not exist")
                : Refused(processId, errno, $"cannot be opened: {ErrnoException.Describe(errno)} ({errno})");
        }

        if (!ProcessThreads.TryReadStat(folder, "stat", out ProcessStat stat))
        {
            folder.Dispose();
            throw Refused(processId, Errno.ESRCH, "has just exited");
        }

        if (expectedStartTicks is ulong expected && expected != stat.StartTicks)
        {
            folder.Dispose();
            throw Refused(processId, Errno.ESRCH, "has exited; its id now belongs to another process, "
                + $"{SafeText.Escape(stat.Name)}");
        }

        return new LinuxProcess(folder, stat, files);
    }

    /// <summary>Opens this process.</summary>
    /// <param name="files">The mount point of procfs; the usual one by default.</param>
    internal static LinuxProcess OpenSelf(KernelFiles? files) => Open((files ?? KernelFiles.Default).OwnId, files: files);

    /// <summary>
    /// Whether the process has exited, even if its parent has not waited for it. Its memory is gone then, and reads
    /// through handles opened earlier return an end of file.
    /// </summary>
    public override bool HasExited => !ProcessThreads.TryReadStat(_folder, "stat", out ProcessStat stat)
        // Other threads may outlive the main thread.
        || (stat.IsZombie && ThreadIds().All(thread => ThreadStat(thread) is not { IsZombie: false }));

    /// <summary>
    /// Whether its id may belong to another process by now. Cheaper than <see cref="HasExited"/>, and asked after each call
    /// that takes the id.
    /// </summary>
    private bool HasTerminated => Pidfd is not null ? Libc.IsReadable(Pidfd) : !ProcessThreads.TryReadStat(_folder, "stat", out _);

    /// <inheritdoc/>
    internal override TargetFiles NamedFiles => _namedFiles ??= new TargetFiles(this);

    /// <summary>
    /// A directory in procfs with all files of the process, for use at once. It is that of a living thread: when the main
    /// thread has exited before the others, the files of its own directory are empty or fail.
    /// </summary>
    internal SafeFileHandle Folder
    {
        get
        {
            TrySwitchThread();
            return _threads.Folder;
        }
    }

    /// <summary>
    /// The id that system calls on the memory take: that of the process, or of a living thread where the main thread has
    /// exited. <see cref="MustRepeat"/> has to be asked after each call.
    /// </summary>
    internal int CallId => _threads.Id;

    /// <summary>
    /// Whether a call with <see cref="CallId"/> has to be repeated with its new value, since the thread exited: the call
    /// found no memory, or may have reached another process that has the thread's id by now.
    /// </summary>
    /// <param name="errno">The result of the call.</param>
    internal bool MustRepeat(Errno errno) => (errno == Errno.ESRCH || CallId != Id) && TrySwitchThread();

    /// <inheritdoc cref="ProcessThreads.TrySwitch"/>
    internal bool TrySwitchThread() => _threads.TrySwitch();

    /// <summary>
    /// A handle of pidfd_open(2), which also pins the process; null where the kernel has none (before Linux 5.3), procfs is
    /// that of another PID namespace, or the process has exited.
    /// </summary>
    internal SafeFileHandle? Pidfd => _pidfd.Value;

    /// <summary><c>/proc/PID/maps</c>, opened once.</summary>
    internal SafeFileHandle Maps => _maps ??= OpenFile("maps", Operation.ReadMaps);

    /// <inheritdoc/>
    internal override SafeFileHandle? MapQueries =>
        (_answersQueries ??= ProcMapQuery.TryQuery(Maps, 0, orNext: true, out _, out _) != Errno.ENOTTY) ? Maps : null;

    /// <summary><c>/proc/PID/pagemap</c>, opened once.</summary>
    internal SafeFileHandle PageMap => _pageMap ??= OpenFile("pagemap", Operation.ReadPageMap);

    /// <inheritdoc/>
    internal override TargetPages Pages => _pages ??= new LivePages(this);

    /// <summary><c>/proc/PID/mem</c>, opened once for reading.</summary>
    internal SafeFileHandle Memory => _memory ??= OpenFile("mem", Operation.ReadMemory);

    /// <summary>Opens one of the process' files in procfs.</summary>
    /// <param name="name">Its name in the directory of the process.</param>
    /// <param name="operation">The operation that an error names.</param>
    /// <param name="access">For reading, or for reading and writing.</param>
    /// <exception cref="MemProcException">The file cannot be opened.</exception>
    public SafeFileHandle OpenFile(string name, Operation operation, OpenAccess access = OpenAccess.ReadOnly)
    {
        Errno errno = _threads.TryOpen(name, access, out SafeFileHandle? handle);
        return handle ?? throw Failure(operation, errno, $"cannot open {Files.Proc}/{Id}/{name}", null, name, access);
    }

    /// <inheritdoc/>
    public override void ThrowIfExited(Operation operation)
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
    /// <param name="file">The file in the directory of the process that was opened; null: a call on its memory.</param>
    /// <param name="access">How the file was opened.</param>
    public override MemProcException Failure(Operation operation, Errno errno, string what, object? target = null,
        string? file = null, OpenAccess access = OpenAccess.ReadOnly)
    {
        if (HasExited)
        {
            return Exited(operation);
        }

        if (IsKernelThread)
        {
            return NoMemory(operation);
        }

        string remedy = errno is Errno.EACCES or Errno.EPERM ? $" {Diagnose(file, access).Message}" : string.Empty;
        return new MemProcException(operation, errno,
            $"Process {Identity}: {what}: {ErrnoException.Describe(errno)} ({errno}).{remedy}", target ?? Id)
        {
            ProcessId = remedy.Length > 0 ? Id : null,
        };
    }

    /// <summary>Creates the exception for a process whose memory is gone, or that never had any.</summary>
    /// <param name="operation">The operation that failed.</param>
    internal override MemProcException NoMemory(Operation operation) => HasExited ? Exited(operation)
        : new MemProcException(operation, Errno.ESRCH, IsKernelThread
            ? $"Process {Identity} is a kernel thread: it has no memory of its own."
            : $"Process {Identity} is exiting: its memory is gone.", Id);

    /// <inheritdoc/>
    internal override TargetText OpenText(string name, Operation operation) => new ProcfsText(OpenFile(name, operation));

    /// <summary>
    /// Reads <c>/proc/PID/task/TID/syscall</c>, which shows stack pointers of threads that sleep or are stopped, not of
    /// running ones. The field of <c>stat</c> is 0 since Linux 4.14, except for processes that exit or dump core.
    /// </summary>
    internal override IReadOnlyList<(ulong Pointer, int Thread)> StackPointers()
    {
        List<(ulong Pointer, int Thread)> found = [];
        Span<byte> text = stackalloc byte[256];
        foreach (int thread in ThreadIds())
        {
            if (TryReadThread(thread, "syscall", text, out int read) == Errno.None
                && SyscallLine.TryParse(text[..read], out ulong pointer))
            {
                found.Add((pointer, thread));
            }
        }

        return found;
    }

    /// <summary>Returns the ids of its threads in ascending order; none where it has exited.</summary>
    public int[] ThreadIds() => _threads.Ids();

    /// <summary>Reads the stat file of one of its threads; null where there is no such thread.</summary>
    /// <param name="threadId">The thread's id.</param>
    public ProcessStat? ThreadStat(int threadId) => _threads.Stat(threadId);

    /// <inheritdoc cref="ProcessThreads.TryRead"/>
    internal Errno TryReadThread(int threadId, string name, Span<byte> buffer, out int read) =>
        _threads.TryRead(threadId, name, buffer, out read);

    /// <inheritdoc/>
    public override void Dispose()
    {
        _memory?.Dispose();
        _pageMap?.Dispose();
        _maps?.Dispose();
        if (_pidfd.IsValueCreated)
        {
            _pidfd.Value?.Dispose();
        }

        _threads.Dispose();
        _folder.Dispose();
    }

    private SafeFileHandle? OpenPidfd()
    {
        SafeFileHandle? pidfd = Files.TryOpenPidfd(Id);
        // Asked after it was opened: a process that still has its directory had its id then.
        if (pidfd is not null && !ProcessThreads.TryReadStat(_folder, "stat", out _))
        {
            pidfd.Dispose();
            return null;
        }

        return pidfd;
    }

    private static MemProcException Refused(int processId, Errno errno, string reason) =>
        new(Operation.OpenProcess, errno, $"Process {processId} {reason}.", processId)
        {
            ProcessId = errno is Errno.EACCES or Errno.EPERM ? processId : null,
        };

    private MemProcException Exited(Operation operation)
    {
        bool waitedFor = !ProcessThreads.TryReadStat(_folder, "stat", out _);
        string state = waitedFor
            ? "has exited"
            : "has exited and is a zombie; its memory is gone";
        return new MemProcException(operation, Errno.ESRCH, $"Process {Identity} {state}.", Id);
    }

    /// <summary>Finds out why the kernel refuses access.</summary>
    /// <param name="file">The file in the directory of the process that was opened; null: a call on its memory.</param>
    /// <param name="access">How the file was opened.</param>
    internal AccessDiagnosis Diagnose(string? file, OpenAccess access = OpenAccess.ReadOnly)
    {
        FileStatus? status = file is not null && Libc.TryStatX(_threads.Folder, file, out FileStatus found) == Errno.None
            ? found
            : null;
        return AccessDiagnosis.Of(CallerRights.Read(Files), Rights(),
            file switch
            {
                null or "mem" => AccessCheck.Attach,
                "clear_refs" or "status" or "stat" or "cgroup" => AccessCheck.FileMode,
                _ => AccessCheck.Read,
            }, status, access);
    }

    /// <summary>Reads what the kernel's access checks look at in the process.</summary>
    internal TargetRights Rights()
    {
        ProcessThreads.TryReadStat(_folder, "stat", out ProcessStat stat);
        return TargetRights.Read(_threads.Folder, stat.ParentId, Files);
    }

    /// <summary>Returns the id of the thread that traces the process; 0 where none does.</summary>
    internal int TracerId() => int.TryParse(
        CallerRights.Fields(CallerRights.ReadAll("status", _threads.Folder)).GetValueOrDefault("TracerPid"),
        CultureInfo.InvariantCulture, out int tracer) ? tracer : 0;

    /// <summary>
    /// Returns id and name of the process where it was opened by the id of one of its threads, which procfs allows.
    /// </summary>
    internal string ThreadGroup()
    {
        Dictionary<string, string> status = CallerRights.Fields(CallerRights.ReadAll("status", _folder));
        return status.GetValueOrDefault("Tgid") is string id && id != $"{Id}"
            ? $"{id} ({SafeText.Escape(CallerRights.ReadAll($"{Files.Proc}/{id}/comm").TrimEnd('\n'))})"
            : Identity.ToString();
    }

    private static MemProcException Hidden(int processId, Errno errno, KernelFiles files)
    {
        CallerRights rights = CallerRights.Read(files);
        string option = rights.HidePid is null ? $"{files.Proc} hides it" : $"{files.Proc} hides it (mount option hidepid={rights.HidePid})";
        // With hidepid=ptraceable the group does not help.
        string group = rights.HidePidGroup is uint id && rights.HidePid != "ptraceable"
            ? $" Members of group {id} (option gid=) also see it."
            : string.Empty;
        return Refused(processId, errno, $"exists, but {option}. "
            + $"{rights.Explain([Capability.SysPtrace], counts: true).TrimEnd('.')}.{group}".TrimEnd('.'));
    }

    private HashSet<(uint Major, uint Minor)> ReadHugeTlbDevices()
    {
        HashSet<(uint, uint)> devices = [];
        if (_threads.TryOpen("mountinfo", OpenAccess.ReadOnly, out SafeFileHandle? file) != Errno.None)
        {
            return devices;
        }

        using StreamReader reader = new(new FileStream(file!, FileAccess.Read));
        while (reader.ReadLine() is string text)
        {
            if (MountInfoLine.TryParse(Encoding.UTF8.GetBytes(text), out MountInfoLine line)
                && line.FileSystem.SequenceEqual("hugetlbfs"u8))
            {
                devices.Add((line.DeviceMajor, line.DeviceMinor));
            }
        }

        return devices;
    }

    private sealed class ProcfsText(SafeFileHandle file) : TargetText
    {
        public override Errno TryRead(Span<byte> buffer, ulong offset, out int read) =>
            Libc.TryPRead(file, buffer, offset, out read);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                file.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}

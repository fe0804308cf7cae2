using System.Diagnostics;
using System.Globalization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Hardware breakpoints on all threads of a process, by perf_event_open(2). The process is neither stopped nor traced; the
/// breakpoints are gone when this is disposed, or this program ends.
/// </summary>
/// <remarks>
/// Threads that start later inherit the breakpoints from the thread that starts them, so that not even their first access
/// is missed. The kernel gives an inherited event a buffer only if it is bound to one processor: so there is one for each
/// thread, processor and address, and one buffer for each processor. A thread that starts while the breakpoints are set has
/// them from its parent, or not yet: it gets its own, and what it reports twice is dropped.
/// </remarks>
internal sealed class ProcessBreakpoints : IDisposable
{
    /// <summary>Pages of a buffer: as many as a user without rights may lock in memory for each processor.</summary>
    public const int DefaultRingPages = 64;

    /// <summary>Rounds after which a process that keeps starting threads is watched as it is.</summary>
    private const int MaxRounds = 8;

    /// <summary>
    /// How long breakpoints that this program has closed can remain occupied: until each program that it is starting at that
    /// moment is executed, copies of their descriptors are open there.
    /// </summary>
    private static readonly long ReleaseTime = Stopwatch.Frequency;

    /// <summary>Until when breakpoints that this program has closed can remain occupied.</summary>
    private static long s_occupiedUntil;

    private readonly LinuxProcess _process;
    private readonly AccessTarget[] _targets;
    private readonly AccessKind _kind;
    private readonly int _ringPages;
    private readonly CancellationToken _cancellation;
    private readonly List<SafeFileHandle> _events = [];
    private readonly Dictionary<int, (PerfRing Ring, SafeFileHandle Event)> _rings = [];

    /// <summary>Events of threads that started while breakpoints were set, by id.</summary>
    private readonly Dictionary<ulong, (int ThreadId, SafeFileHandle Event)> _late = [];
    private bool _excludesKernel;
    private bool _inheritsToProcesses;

    /// <summary>Accesses of events that were closed before the end.</summary>
    private ulong _closedCount;

    private ProcessBreakpoints(
        LinuxProcess process, AccessTarget[] targets, AccessKind kind, int ringPages, CancellationToken cancellation)
    {
        (_process, _targets, _kind, _ringPages, _cancellation) = (process, targets, kind, ringPages, cancellation);
    }

    /// <summary>Accesses by the kernel are not reported: the user may not observe it.</summary>
    public bool ExcludesKernel => _excludesKernel;

    /// <summary>
    /// Number of accesses of which the kernel said so far that they were not reported, since a buffer was full.
    /// </summary>
    public ulong LostCount => _rings.Values.Aggregate(0UL, (sum, ring) => sum + ring.Ring.LostCount);

    /// <summary>Sets the breakpoints.</summary>
    /// <param name="process">The process.</param>
    /// <param name="targets">What is watched in it.</param>
    /// <param name="kind">Which accesses.</param>
    /// <param name="ringPages">Pages of the buffer of each processor, a power of two.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="MemProcException">
    /// WatchMemory: EACCES without the right; ENOSPC where the breakpoints are in use, or there are more places than
    /// breakpoints; EOPNOTSUPP where the processor has none; EMFILE with too many threads; ESRCH: the process has exited.
    /// </exception>
    public static ProcessBreakpoints Set(
        LinuxProcess process, AccessTarget[] targets, AccessKind kind, int ringPages, CancellationToken cancellation)
    {
        if (targets.Length > AccessTarget.MaxTargets)
        {
            throw new MemProcException(Operation.WatchMemory, Errno.ENOSPC, $"Process {process.Identity}: {targets.Length} addresses "
                + $"cannot be watched for accesses: a processor has {AccessTarget.MaxTargets} breakpoints. Watch fewer.", process.Id);
        }

        if (!process.Files.NumbersAsCalls)
        {
            throw new MemProcException(Operation.WatchMemory, Errno.EOPNOTSUPP, $"Process {process.Identity} cannot be watched for "
                + $"accesses: {process.Files.Proc} belongs to another PID namespace.", process.Id);
        }

        ProcessBreakpoints breakpoints = new(process, targets, kind, ringPages, cancellation);
        try
        {
            breakpoints.SetAll();
            return breakpoints;
        }
        catch
        {
            breakpoints.Dispose();
            throw;
        }
    }

    /// <summary>Takes the accesses that were reported, in the order of their times.</summary>
    public List<PerfSample> Take()
    {
        List<PerfSample> samples = [];
        foreach ((PerfRing ring, _) in _rings.Values)
        {
            ring.Take(samples);
        }

        // Processes that the process has started inherit the breakpoints on old kernels.
        samples.RemoveAll(sample => sample.ProcessId != _process.Id);
        DropDoubled(samples);
        samples.Sort(static (left, right) => left.Time.CompareTo(right.Time));
        return samples;
    }

    /// <summary>
    /// Disables the breakpoints and returns the number of accesses that were not reported. The buffers tell that only with
    /// the next access, which may never come; the events count all of them.
    /// </summary>
    public ulong Stop()
    {
        _events.ForEach(static one => Libc.TryPerfEventDisable(one));
        foreach ((PerfRing ring, _) in _rings.Values)
        {
            ring.Take([]);
        }

        ulong all = _events.Aggregate(_closedCount, static (sum, one) => sum + Count(one));
        ulong taken = _rings.Values.Aggregate(0UL, static (sum, ring) => sum + ring.Ring.TakenCount);
        return all > taken ? all - taken : 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((PerfRing ring, _) in _rings.Values)
        {
            ring.Dispose();
        }

        _rings.Clear();
        if (_events.Count > 0)
        {
            _events.ForEach(one => one.Dispose());
            _events.Clear();
            Volatile.Write(ref s_occupiedUntil, Stopwatch.GetTimestamp() + ReleaseTime);
        }
    }

    /// <summary>
    /// Drops what a thread reports by an event of its own, once it reports by one that it has inherited, too.
    /// </summary>
    private void DropDoubled(List<PerfSample> samples)
    {
        if (_late.Count == 0)
        {
            return;
        }

        HashSet<int> inheriting = [.. samples.Where(sample => !_late.ContainsKey(sample.EventId)).Select(sample => sample.ThreadId)];
        foreach ((ulong id, (int thread, SafeFileHandle own)) in _late.ToArray())
        {
            if (inheriting.Contains(thread))
            {
                samples.RemoveAll(sample => sample.EventId == id);
                _late.Remove(id);
                _events.Remove(own);
                Libc.TryPerfEventDisable(own);
                _closedCount += Count(own);
                own.Dispose();
            }
        }
    }

    private static ulong Count(SafeFileHandle perfEvent) =>
        Libc.TryPerfEventCount(perfEvent, out ulong count) == Errno.None ? count : 0;

    private void SetAll()
    {
        int[] processors = Processors();
        HashSet<int> known = [];
        for (int round = 0; round < MaxRounds; round++)
        {
            int[] added = [.. _process.ThreadIds().Where(known.Add)];
            foreach (int thread in added)
            {
                _cancellation.ThrowIfCancellationRequested();
                SetThread(thread, processors, isLate: round > 0);
            }

            if (added.Length == 0)
            {
                break;
            }
        }

        _process.ThrowIfExited(Operation.WatchMemory);
    }

    private void SetThread(int thread, int[] processors, bool isLate)
    {
        foreach (AccessTarget target in _targets)
        {
            foreach (int processor in processors)
            {
                Errno errno = Open(target, thread, processor, out SafeFileHandle? opened);
                if (opened is null)
                {
                    // A thread that has exited needs none. One that inherited breakpoints can have no room for others.
                    if (errno == Errno.ESRCH || _process.ThreadStat(thread) is not { IsZombie: false } || (isLate && errno == Errno.ENOSPC))
                    {
                        return;
                    }

                    throw Refusal(errno, processors.Length);
                }

                _events.Add(opened);
                if (isLate && Libc.TryPerfEventId(opened, out ulong id) == Errno.None)
                {
                    _late[id] = (thread, opened);
                }

                Connect(opened, processor);
                // Not before: what is counted without a buffer would be called lost.
                Libc.TryPerfEventEnable(opened);
            }
        }
    }

    private Errno Open(AccessTarget target, int thread, int processor, out SafeFileHandle? opened)
    {
        while (true)
        {
            PerfEventAttribute attribute = new()
            {
                Type = PerfEventAttribute.BreakpointType,
                Size = PerfEventAttribute.Bytes,
                SamplePeriod = 1,
                SampleType = PerfEventAttribute.SampleFields,
                Flags = PerfEventAttribute.Disabled | PerfEventAttribute.Inherit | PerfEventAttribute.ExcludeHypervisor
                    | PerfEventAttribute.UseClockId | (_inheritsToProcesses ? 0 : PerfEventAttribute.InheritThread)
                    | (_excludesKernel ? PerfEventAttribute.ExcludeKernel : 0),
                WakeupEvents = 1,
                ClockId = PerfEventAttribute.Monotonic,
                BreakpointKind = _kind == AccessKind.Write ? PerfEventAttribute.Write : PerfEventAttribute.ReadWrite,
                BreakpointAddress = target.Address,
                BreakpointLength = (ulong)target.Length,
            };
            Errno errno = Libc.TryPerfEventOpen(attribute, thread, processor, out opened);
            if (errno == Errno.EINVAL && !_inheritsToProcesses)
            {
                _inheritsToProcesses = true;
            }
            else if (errno is Errno.EACCES or Errno.EPERM && !_excludesKernel)
            {
                // Observing one's own processes requires fewer rights than observing the kernel.
                _excludesKernel = true;
            }
            else if (errno != Errno.ENOSPC || Stopwatch.GetTimestamp() >= Volatile.Read(ref s_occupiedUntil))
            {
                return errno;
            }
            else
            {
                _cancellation.WaitHandle.WaitOne(1);
                _cancellation.ThrowIfCancellationRequested();
            }
        }
    }

    /// <summary>Lets an event write to the buffer of its processor.</summary>
    private void Connect(SafeFileHandle opened, int processor)
    {
        if (_rings.TryGetValue(processor, out (PerfRing Ring, SafeFileHandle Event) known))
        {
            if (Libc.TryPerfEventSetOutput(opened, known.Event) is Errno errno and not Errno.None)
            {
                throw _process.Failure(Operation.WatchMemory, errno, "the breakpoints cannot share a buffer");
            }

            return;
        }

        int page = (int)MachinePage.SizeBytes;
        SafeMapping? mapping = null;
        Errno refusal = Errno.None;
        for (int pages = _ringPages; mapping is null && pages > 0; pages /= 4)
        {
            refusal = Libc.TryMapPerfEvent(opened, (1 + pages) * page, out mapping);
        }

        _rings[processor] = mapping is not null ? (new PerfRing(mapping, page), opened) : throw new MemProcException(
            Operation.WatchMemory, refusal, $"Process {_process.Identity}: no memory can be locked for the reports of breakpoints: "
            + $"{ErrnoException.Describe(refusal)} ({refusal}). kernel.perf_event_mlock_kb limits it; CAP_IPC_LOCK lifts the limit.",
            _process.Id);
    }

    private MemProcException Refusal(Errno errno, int processors)
    {
        string what = "its accesses to memory cannot be watched";
        switch (errno)
        {
            case Errno.EACCES or Errno.EPERM:
                CallerRights rights = CallerRights.Read(_process.Files);
                return Paranoia(_process.Files) > 2 && !rights.Has(Capability.Perfmon) && !rights.Has(Capability.SysAdmin)
                    ? new MemProcException(Operation.WatchMemory, errno, $"Process {_process.Identity}: {what}: "
                        + $"kernel.perf_event_paranoid is {Paranoia(_process.Files)}. {rights.Explain([Capability.Perfmon])} Or set it to 2 or less.",
                        _process.Id)
                    : _process.Failure(Operation.WatchMemory, errno, what);
            case Errno.ENOSPC:
                return new MemProcException(Operation.WatchMemory, errno, $"Process {_process.Identity}: {what}: a processor has "
                    + $"{AccessTarget.MaxTargets} breakpoints, and a debugger or another watch uses some. End it, or watch fewer "
                    + "addresses.", _process.Id);
            case Errno.EMFILE or Errno.ENFILE:
                return new MemProcException(Operation.WatchMemory, errno, $"Process {_process.Identity}: {what}: it has "
                    + $"{_process.ThreadIds().Length} threads, which require {_process.ThreadIds().Length * processors * _targets.Length} "
                    + "open files. Raise the limit (ulimit -n).", _process.Id);
            case Errno.ENOENT or Errno.ENODEV or Errno.EOPNOTSUPP or Errno.ENOSYS:
                return new MemProcException(Operation.WatchMemory, Errno.EOPNOTSUPP, $"Process {_process.Identity}: {what}: this "
                    + "machine has no hardware breakpoints, or its kernel does not support them.", _process.Id);
            default:
                return _process.Failure(Operation.WatchMemory, errno, what);
        }
    }

    /// <summary>Returns the value of kernel.perf_event_paranoid.</summary>
    internal static int Paranoia(KernelFiles files) => int.TryParse(CallerRights.ReadAll($"{files.Proc}/sys/kernel/perf_event_paranoid").Trim(),
        NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int level) ? level : 2;

    /// <summary>Returns the processors that can run threads: 0-3,8.</summary>
    private int[] Processors()
    {
        List<int> processors = [];
        foreach (string range in CallerRights.ReadAll($"{_process.Files.Sys}/devices/system/cpu/online").Trim().Split(','))
        {
            string[] ends = range.Split('-');
            if (int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out int first)
                && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out int last))
            {
                processors.AddRange(Enumerable.Range(first, Math.Clamp(last - first + 1, 0, 1 << 16)));
            }
        }

        return processors.Count > 0 ? [.. processors] : [.. Enumerable.Range(0, Environment.ProcessorCount)];
    }
}

using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>Reads the threads of processes and cores.</summary>
/// <param name="process">The process or core.</param>
/// <param name="cancellation">Stops the work.</param>
public sealed class ProcThreadReader(MemoryTarget process, CancellationToken cancellation = default)
{
    /// <summary>Threads of a core that are returned. A hostile one can name more than a process can have.</summary>
    private const int MaxThreads = 1 << 16;

    /// <summary>The register set of the general registers, as in core files.</summary>
    private const uint GeneralRegisters = 1;

    /// <summary>Called once for each reason why answers are incomplete.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>
    /// Stop the process for a moment and read the registers of all its threads. Without that, instruction and stack pointer
    /// are those that the kernel shows of threads that wait.
    /// </summary>
    public bool Stop { get; init; }

    /// <summary>Returns the threads, of a live process by id, of a core the one that received the signal first.</summary>
    /// <param name="threadIds">Only these; null: all.</param>
    /// <param name="fail">Called with the error for each of them that the process does not have.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps: the mappings cannot be read. StopProcess: the process cannot be stopped. ESRCH: it has exited.
    /// </exception>
    public IReadOnlyList<ProcThread> Read(IReadOnlyCollection<int>? threadIds, Action<MemProcException> fail)
    {
        List<Reading> readings = process switch
        {
            CoreFile core => OfCore(core),
            LinuxProcess live when Stop => OfStopped(live),
            LinuxProcess live => OfLive(live),
            _ => throw new NotSupportedException(),
        };
        process.ThrowIfExited(Operation.ReadThreads);
        foreach (int missing in threadIds?.Except(readings.Select(reading => reading.ThreadId)) ?? [])
        {
            fail(new MemProcException(
                Operation.ReadThreads, Errno.ESRCH, $"Process {process.Identity} has no thread {missing}.", missing));
        }

        return Describe([.. readings.Where(reading => threadIds is null || threadIds.Contains(reading.ThreadId))]);
    }

    /// <summary>Returns the stack pointer of a thread, as far as it is known without a stop.</summary>
    /// <param name="process">The process or core.</param>
    /// <param name="threadId">The thread.</param>
    /// <exception cref="MemProcException">
    /// ReadThreads: ESRCH where there is no such thread, EAGAIN where its stack pointer is not shown.
    /// </exception>
    public static ulong StackPointerOf(MemoryTarget process, int threadId)
    {
        foreach ((ulong pointer, int thread) in process.StackPointers())
        {
            if (thread == threadId)
            {
                return pointer;
            }
        }

        bool exists = process switch
        {
            LinuxProcess live => live.ThreadStat(threadId) is { IsZombie: false },
            CoreFile core => core.Threads.Any(thread => thread.ThreadId == threadId),
            _ => false,
        };
        throw exists
            ? new MemProcException(Operation.ReadThreads, Errno.EAGAIN, $"Process {process.Identity}: the stack pointer of thread "
                + $"{threadId} is not known: it runs, or the kernel hides it. Stop the process to read its registers, or specify "
                + "an address.", threadId)
            : new MemProcException(
                Operation.ReadThreads, Errno.ESRCH, $"Process {process.Identity} has no thread {threadId}.", threadId);
    }

    private static List<Reading> OfCore(CoreFile core) => [.. core.Threads.Take(MaxThreads).Select(thread =>
        new Reading(thread.ThreadId)
        {
            // Programs of x32 have the registers of 64 bits.
            Registers = ThreadRegisters.Read(core.Machine, thread.RegisterBytes, core.IsBigEndian),
            InstructionPointer = thread.InstructionPointer,
            StackPointer = thread.StackPointer,
        })];

    private List<Reading> OfLive(LinuxProcess live)
    {
        List<Reading> readings = [];
        Span<byte> text = stackalloc byte[256];
        Errno refusal = Errno.None;
        foreach (int id in live.ThreadIds())
        {
            cancellation.ThrowIfCancellationRequested();
            if (live.ThreadStat(id) is not ProcessStat stat)
            {
                continue;
            }

            Reading reading = new(id) { Name = stat.Name, State = StateOf(stat.State) };
            Errno errno = live.TryReadThread(id, "syscall", text, out int read);
            if (errno == Errno.None && SyscallLine.TryParse(text[..read], out ulong stack, out ulong next, out long call))
            {
                reading.StackPointer = stack;
                reading.InstructionPointer = next == 0 ? null : next;
                reading.SystemCall = call < 0 ? null : call;
            }

            refusal = errno is Errno.EACCES or Errno.EPERM ? errno : refusal;
            reading.WaitChannel = live.TryReadThread(id, "wchan", text, out read) == Errno.None
                && Encoding.UTF8.GetString(text[..read]) is { Length: > 0 } channel and not "0" ? channel : null;
            readings.Add(reading);
        }

        if (refusal != Errno.None)
        {
            Warn?.Invoke(live.Failure(
                Operation.ReadThreads, refusal, "instruction and stack pointers of its threads are hidden").Message);
        }

        return readings;
    }

    /// <summary>Reads the registers while the process is stopped, and the rest before that: it shows what a thread does.</summary>
    private List<Reading> OfStopped(LinuxProcess live)
    {
        Dictionary<int, Reading> before = OfLive(live).ToDictionary(reading => reading.ThreadId);
        List<Reading> readings = [];
        using ProcessStop stop = ProcessStop.Begin(live, cancellation);
        foreach (int id in stop.ThreadIds)
        {
            Reading reading = before.GetValueOrDefault(id) ?? new Reading(id) { Name = live.ThreadStat(id)?.Name };
            if (stop.ReadRegisters(id, GeneralRegisters) is byte[] bytes
                && ThreadRegisters.Read(ThreadRegisters.MachineOf(bytes.Length), bytes) is { } registers)
            {
                reading.Registers = registers;
                reading.InstructionPointer = ThreadRegisters.InstructionPointer(registers);
                reading.StackPointer = ThreadRegisters.StackPointer(registers);
            }

            readings.Add(reading);
        }

        return readings;
    }

    private ProcThread[] Describe(Reading[] readings)
    {
        ProcMap[] maps = [.. MapReader.Read(process, cancellation)];
        ulong[] ends = Array.ConvertAll(maps, map => map.End);
        using Symbolizer symbolizer = new(process, cancellation: cancellation) { Warn = Warn };
        Dictionary<ulong, string> locations = [];
        foreach (ResolvedAddress found in symbolizer.Resolve(
            readings.Select(reading => reading.InstructionPointer).OfType<ulong>().Distinct(), _ => { }))
        {
            locations[found.Address] = found.Location;
        }

        return Array.ConvertAll(readings, reading =>
        {
            ProcMap? stack = reading.StackPointer is ulong pointer ? MapOf(maps, ends, pointer) : null;
            return new ProcThread(process.Identity, reading.ThreadId)
            {
                Name = reading.Name,
                State = reading.State,
                WaitChannel = reading.WaitChannel,
                SystemCall = reading.SystemCall,
                Address = reading.InstructionPointer,
                Location = reading.InstructionPointer is ulong next ? locations.GetValueOrDefault(next) : null,
                StackPointer = reading.StackPointer,
                StackStart = stack?.Start,
                StackEnd = stack?.End,
                Registers = reading.Registers,
            };
        });
    }

    private static ProcMap? MapOf(ProcMap[] maps, ulong[] ends, ulong address)
    {
        int index = Array.BinarySearch(ends, address + 1);
        index = index >= 0 ? index : ~index;
        return index < maps.Length && maps[index].Start <= address ? maps[index] : null;
    }

    private static ProcThreadState StateOf(char state) => state switch
    {
        'R' => ProcThreadState.Running,
        'S' => ProcThreadState.Sleeping,
        'D' => ProcThreadState.DiskSleep,
        'T' => ProcThreadState.Stopped,
        't' => ProcThreadState.TracingStop,
        'Z' => ProcThreadState.Zombie,
        'X' or 'x' => ProcThreadState.Dead,
        'I' => ProcThreadState.Idle,
        'P' => ProcThreadState.Parked,
        _ => ProcThreadState.Unknown,
    };

    /// <summary>What was read of a thread.</summary>
    private sealed class Reading(int threadId)
    {
        public int ThreadId { get; } = threadId;

        public string? Name { get; init; }

        public ProcThreadState? State { get; init; }

        public string? WaitChannel { get; set; }

        public long? SystemCall { get; set; }

        public ulong? InstructionPointer { get; set; }

        public ulong? StackPointer { get; set; }

        public OutputTable<string>? Registers { get; set; }
    }
}

using System.Diagnostics;
using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Reports which instructions access bytes of processes, by hardware breakpoints. The processes are neither stopped nor
/// traced.
/// </summary>
/// <param name="targets">What is watched.</param>
/// <param name="kind">Which accesses.</param>
/// <param name="syntax">How instructions are written.</param>
/// <param name="cancellation">Ends the watch.</param>
public sealed class MemoryAccessWatch(
    IEnumerable<AccessTarget> targets, AccessKind kind, AssemblySyntax syntax = AssemblySyntax.Att,
    CancellationToken cancellation = default)
{
    /// <summary>How often the buffers are emptied.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    /// <summary>How often the exit of a process is checked.</summary>
    private static readonly TimeSpan ExitInterval = TimeSpan.FromMilliseconds(200);

    private readonly AccessTarget[] _targets = [.. targets];

    /// <summary>Called once for each reason why answers are incomplete.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Called when all breakpoints are set.</summary>
    public Action? Started { get; init; }

    /// <summary>Pages of the buffer of each processor.</summary>
    internal int RingPages { get; init; } = ProcessBreakpoints.DefaultRingPages;

    /// <summary>Number of accesses that were not reported, since there were too many at a time.</summary>
    public ulong LostCount { get; private set; }

    /// <summary>
    /// Returns the accesses as they happen, until the timeout or until all processes have exited. No breakpoint is left
    /// when the enumeration ends.
    /// </summary>
    /// <param name="timeout">How long to watch; null: without end.</param>
    /// <param name="fail">Called with what cannot be watched, or no longer; the other processes are watched on.</param>
    public IEnumerable<ProcMemoryAccess> Accesses(TimeSpan? timeout, Action<MemProcException> fail)
    {
        List<WatchedProcess> watched = [];
        try
        {
            foreach (IGrouping<LinuxProcess, AccessTarget> group in _targets.GroupBy(target => target.Process))
            {
                try
                {
                    watched.Add(new WatchedProcess(group.Key, [.. group], kind, syntax, RingPages, Warn, cancellation));
                }
                catch (MemProcException error)
                {
                    fail(error);
                }
            }

            if (watched.Find(process => process.ExcludesKernel) is WatchedProcess limited)
            {
                Warn?.Invoke("Accesses by the kernel, in system calls, are not reported: they require CAP_PERFMON, since "
                    + $"kernel.perf_event_paranoid is {limited.Paranoia}; 1 or less allows them.");
            }

            Started?.Invoke();
            long start = Stopwatch.GetTimestamp(), checkedAt = start;
            bool isLast = watched.Count == 0;
            while (!isLast)
            {
                cancellation.WaitHandle.WaitOne(PollInterval);
                cancellation.ThrowIfCancellationRequested();
                isLast = Stopwatch.GetElapsedTime(start) >= timeout;
                bool checksExit = Stopwatch.GetElapsedTime(checkedAt) >= ExitInterval;
                checkedAt = checksExit ? Stopwatch.GetTimestamp() : checkedAt;
                foreach (WatchedProcess process in watched.ToArray())
                {
                    // Before the buffers are emptied for the last time: afterwards nothing can be added to them.
                    MemProcException? end = checksExit ? process.End() : null;
                    foreach (ProcMemoryAccess access in process.Take())
                    {
                        yield return access;
                    }

                    if (end is not null)
                    {
                        Remove(process, watched);
                        fail(end);
                        isLast |= watched.Count == 0;
                    }
                }
            }
        }
        finally
        {
            foreach (WatchedProcess process in watched.ToArray())
            {
                Remove(process, watched);
            }
        }
    }

    private void Remove(WatchedProcess process, List<WatchedProcess> watched)
    {
        watched.Remove(process);
        LostCount += process.Stop();
        process.Dispose();
    }

    /// <summary>A process, its breakpoints, and the values as last read.</summary>
    private sealed class WatchedProcess : IDisposable
    {
        private readonly LinuxProcess _process;
        private readonly AccessTarget[] _targets;
        private readonly MemoryReader _reader;
        private readonly SafeFileHandle? _memory;
        private readonly ProcessDisassembler _disassembler;
        private readonly ProcessBreakpoints _breakpoints;
        private readonly Dictionary<ulong, (ulong Address, string? Text, InstructionAccess? Access, string? Location)> _known = [];
        private readonly long _baseTime = Stopwatch.GetTimestamp();
        private readonly DateTime _baseDate = DateTime.Now;

        /// <summary>The value of each place, as long as it is certain that nothing has written since it was read.</summary>
        private readonly object?[] _values;

        public WatchedProcess(LinuxProcess process, AccessTarget[] targets, AccessKind kind, AssemblySyntax syntax,
            int ringPages, Action<string>? warn, CancellationToken cancellation)
        {
            (_process, _targets) = (process, targets);
            _reader = new MemoryReader(process, ReadMethod.Auto, cancellation);
            _values = new object?[targets.Length];
            _memory = TryOpenMemory(process);
            _disassembler = new ProcessDisassembler(process, _reader, new DisassemblyOptions(syntax), warn, cancellation);
            try
            {
                _breakpoints = ProcessBreakpoints.Set(process, targets, kind, ringPages, cancellation);
            }
            catch
            {
                _disassembler.Dispose();
                throw;
            }

            for (int index = 0; index < targets.Length; index++)
            {
                _values[index] = Read(targets[index]);
            }
        }

        public bool ExcludesKernel => _breakpoints.ExcludesKernel;

        public int Paranoia => ProcessBreakpoints.Paranoia(_process.Files);

        /// <summary>Ends the reports and returns how many accesses were not reported.</summary>
        public ulong Stop() => _breakpoints.Stop();

        /// <summary>Returns why nothing more can be reported; null where it can.</summary>
        public MemProcException? End() => _process.HasExited
            ? _process.Failure(Operation.WatchMemory, Errno.ESRCH, "it cannot be watched any more")
            : HasExecuted()
            ? _process.Failure(Operation.WatchMemory, Errno.EFAULT, "the watched memory is gone, since the process has executed another program")
            : null;

        public IEnumerable<ProcMemoryAccess> Take()
        {
            List<PerfSample> samples = _breakpoints.Take();
            if (samples.Count == 0)
            {
                yield break;
            }

            ulong lost = _breakpoints.LostCount;
            (object? Value, ulong From)[] read = Array.ConvertAll(_targets, target =>
            {
                ulong from = (ulong)Stopwatch.GetTimestamp();
                return (Read(target), from);
            });
            // An access during the read makes it uncertain which value was read.
            samples.AddRange(_breakpoints.Take());
            for (int index = 0; index < _targets.Length; index++)
            {
                AccessTarget target = _targets[index];
                PerfSample[] own = [.. samples.Where(sample => sample.Address == target.Address)];
                bool isCertain = _breakpoints.LostCount == lost && !Array.Exists(own, sample => sample.Time >= read[index].From);
                for (int number = 0; number < own.Length; number++)
                {
                    yield return Describe(target, own[number], number == 0 ? _values[index] : null,
                        number == own.Length - 1 && isCertain ? read[index].Value : null);
                }

                if (own.Length > 0)
                {
                    _values[index] = isCertain ? read[index].Value : null;
                }
            }
        }

        public void Dispose()
        {
            _breakpoints.Dispose();
            _disassembler.Dispose();
        }

        private static SafeFileHandle? TryOpenMemory(LinuxProcess process)
        {
            try
            {
                return process.Memory;
            }
            catch (MemProcException)
            {
                return null;
            }
        }

        /// <summary>
        /// Whether the memory that was watched is gone while the process has other memory. The breakpoints would report
        /// accesses of another program to the same addresses.
        /// </summary>
        private bool HasExecuted()
        {
            Span<byte> one = stackalloc byte[1];
            return _memory is not null && Libc.TryPRead(_memory, one, _targets[0].Address, out int read) == Errno.None && read == 0
                && KernelFiles.TryReadText("maps", _process.Folder, 1) is { Length: > 0 } && !_process.HasExited;
        }

        private ProcMemoryAccess Describe(AccessTarget target, in PerfSample sample, object? before, object? after)
        {
            (ulong address, string? text, InstructionAccess? access, string? location) = sample.IsKernel
                ? (sample.InstructionPointer, null, null, "[kernel]")
                : Instruction(sample.InstructionPointer);
            return new ProcMemoryAccess(_process.Identity)
            {
                Time = _baseDate.AddTicks(((long)sample.Time - _baseTime) / 100),
                ThreadId = sample.ThreadId,
                Address = address,
                InstructionPointer = sample.InstructionPointer,
                Location = location,
                Instruction = text,
                Access = access,
                IsKernel = sample.IsKernel,
                DataAddress = target.Address,
                DataBytes = target.Length,
                Type = target.Type.ToString(),
                PreviousValue = before,
                Value = after,
            };
        }

        /// <summary>Returns the instruction before a pointer. Few instructions make most of the accesses.</summary>
        private (ulong Address, string? Text, InstructionAccess? Access, string? Location) Instruction(ulong pointer)
        {
            if (_known.TryGetValue(pointer, out (ulong, string?, InstructionAccess?, string?) known))
            {
                return known;
            }

            try
            {
                (ProcInstruction? found, InstructionAccess? access, string? location) = _disassembler.FindAccess(
                    pointer, afterwards: RuntimeInformation.ProcessArchitecture == Architecture.X64);
                known = (found?.Address ?? pointer, found?.Text, access, location);
            }
            catch (MemProcException)
            {
                // The code is gone, or the process: what is known is reported.
                known = (pointer, null, null, null);
            }

            if (_known.Count < MaxKnown)
            {
                _known[pointer] = known;
            }

            return known;
        }

        private object? Read(AccessTarget target)
        {
            try
            {
                byte[] bytes = new byte[target.Length];
                return _reader.Read(target.Address, bytes.AsMemory()).Count == 0 ? target.Decode(bytes) : null;
            }
            catch (MemProcException)
            {
                return null;
            }
        }

        /// <summary>Instructions that are kept.</summary>
        private const int MaxKnown = 1 << 16;
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Writes to the memory of one process that are done all or none. They are checked when this is prepared, so that a
/// person can judge, and once more when they are carried out; where one fails, those before it are put back.
/// </summary>
public sealed class MemoryTransaction
{
    private const int NamedSteps = 16;

    /// <summary>How long a process without memory may take to end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly LinuxProcess _process;
    private readonly MemoryWriter _writer;
    private readonly CancellationToken _cancellation;
    private readonly bool _isUndo;

    /// <summary>Some write to the same bytes, so that each has to be seen as the earlier ones leave it.</summary>
    private readonly bool _hasOverlap;

    private MemoryTransaction(
        LinuxProcess process, IReadOnlyList<WantedWrite> changes, bool isUndo, CancellationToken cancellation)
    {
        _process = process;
        _isUndo = isUndo;
        _cancellation = cancellation;
        _writer = new MemoryWriter(process, isUndo);
        _hasOverlap = FirstOverlap(changes) is not null;
        List<MemoryPlan> plans = [];
        foreach (WantedWrite change in changes)
        {
            plans.Add(Check(changes.Count, () => _writer.Check(change, _hasOverlap ? plans : [])));
        }

        Writes = plans;
    }

    /// <summary>What will be done, in this order.</summary>
    public IReadOnlyList<MemoryPlan> Writes { get; }

    /// <summary>Checks writes that belong together.</summary>
    /// <param name="process">The process.</param>
    /// <param name="changes">What is wanted, at least one write; no two to the same byte.</param>
    /// <param name="cancellation">Stops the checks and the stopping of the process; writes are always finished.</param>
    /// <exception cref="MemProcException">
    /// WriteMemory: EINVAL for an impossible range, or two that overlap; EFAULT where part of one is not mapped; EACCES
    /// where part of one is read-only and force was not asked for, or does not help because the mapping is shared.
    /// CompareMemory, EAGAIN: other bytes are there than expected. Nothing is written in each case.
    /// </exception>
    public static MemoryTransaction Prepare(
        LinuxProcess process, IReadOnlyList<WantedWrite> changes, CancellationToken cancellation = default)
    {
        RefuseOverlap(process, changes);
        return new MemoryTransaction(process, changes, isUndo: false, cancellation);
    }

    /// <summary>Checks that writes can be taken back: what they wrote has to be there still.</summary>
    /// <param name="process">The process that was written to.</param>
    /// <param name="writes">What was done, in the order in which it was done.</param>
    /// <param name="cancellation">Stops the checks and the stopping of the process; writes are always finished.</param>
    /// <exception cref="MemProcException">
    /// OpenProcess, ESRCH: it was another process. WriteMemory as in <see cref="Prepare"/>. CompareMemory, EAGAIN: what
    /// was written has been changed since.
    /// </exception>
    public static MemoryTransaction PrepareUndo(
        LinuxProcess process, IReadOnlyList<MemoryWrite> writes, CancellationToken cancellation = default)
    {
        if (writes.FirstOrDefault(write => !write.Process.IsSame(process.Identity)) is { } stranger)
        {
            throw new MemProcException(Operation.OpenProcess, Errno.ESRCH,
                $"The write to 0x{stranger.Address:x} was to process {stranger.Process}, not to {process.Identity}.",
                process.Id);
        }

        // What was forced then has to be forced now.
        WantedWrite[] changes = [.. writes.Reverse().Select(write => new WantedWrite(
            write.Address, write.PreviousBytes, write.Bytes, Force: write.Method == WriteMethod.Mem))];
        return new MemoryTransaction(process, changes, isUndo: true, cancellation);
    }

    /// <summary>All that will be done, as a person is asked: a line a write.</summary>
    /// <param name="stop">It will be done while the process is held still.</param>
    public string Action(bool stop)
    {
        string verb = _isUndo ? "Put back" : "Write";
        string held = stop ? ", held still meanwhile" : string.Empty;
        return Writes is [{ } only]
            ? $"{verb} {only.Place}{held}: {only.Change}"
            : $"{verb} {Writes.Count} places of process {_process.Identity}{held}, all or none:\n  "
                + string.Join("\n  ", Writes.Select(plan => plan.Line));
    }

    /// <summary>Carries the writes out.</summary>
    /// <param name="stop">Hold the process still while it is done, so that nobody sees a half of it.</param>
    /// <param name="verify">Read the bytes back and compare.</param>
    /// <exception cref="MemProcException">
    /// As in <see cref="Prepare"/>, and: WriteMemory, the kernel refused a byte; VerifyMemory, EIO: other bytes were read
    /// back; StopProcess: the process cannot be held. What had been done is put back, but for bytes that somebody else
    /// has changed meanwhile. RestoreMemory: something could not be put back; the target holds it as
    /// <see cref="MemoryWrite"/> objects. ESRCH: the process has exited.
    /// </exception>
    public IReadOnlyList<MemoryWrite> Commit(bool stop, bool verify)
    {
        MemoryStep[] steps = [.. Writes.Select(plan => new MemoryStep(plan))];
        using ProcessStop? held = stop ? ProcessStop.Hold(_process, _cancellation) : null;
        for (int index = 0; index < Writes.Count; index++)
        {
            IEnumerable<MemoryPlan> earlier = _hasOverlap ? Writes.Take(index) : [];
            Check(Writes.Count, () => _writer.CheckAgain(Writes[index], earlier));
        }

        // From the first byte on nothing stops it but a failure.
        int begun = 0;
        bool isWritten = false;
        try
        {
            foreach (MemoryStep step in steps)
            {
                begun++;
                isWritten = false;
                _writer.Write(step);
                isWritten = true;
                if (verify)
                {
                    _writer.Verify(step.Plan);
                }
            }
        }
        catch (MemProcException error)
        {
            ThrowIfGone(error.Errno);
            // A write that was read back otherwise is not there to be put back.
            int last = isWritten ? begun - 1 : begun;
            throw PutBack([.. steps.Take(last).Where(step => step.Written > 0).Reverse()], error);
        }

        return Array.ConvertAll(steps, step => step.Done(verify ? true : null));
    }

    /// <summary>One of several checks before anything is touched; one that fails speaks for all.</summary>
    private MemoryPlan Check(int count, Func<MemoryPlan> check)
    {
        _cancellation.ThrowIfCancellationRequested();
        try
        {
            return check();
        }
        catch (MemProcException error) when (count > 1)
        {
            throw new MemProcException(
                error.Operation, error.Errno, $"{error.Message} None of the {count} writes was done.", error.Target);
        }
    }

    /// <summary>Puts steps back and adds to the error what became of them.</summary>
    private MemProcException PutBack(MemoryStep[] steps, MemProcException error)
    {
        List<MemoryStep> restored = [];
        List<(MemoryStep Step, MemProcException Reason)> left = [];
        foreach (MemoryStep step in steps)
        {
            if (_writer.PutBack(step) is { } reason)
            {
                left.Add((step, reason));
            }
            else
            {
                restored.Add(step);
            }
        }

        ThrowIfGone(left.Count > 0 ? left[0].Reason.Errno : error.Errno);
        string message = error.Message;
        if (restored.Count > 0)
        {
            string more = restored.Count > NamedSteps ? $" and {restored.Count - NamedSteps} more" : string.Empty;
            message += " What was written is put back: "
                + $"{string.Join(", ", restored.Take(NamedSteps).Select(step => step.Place))}{more}.";
        }

        if (left.Count == 0)
        {
            return new MemProcException(error.Operation, error.Errno, message, error.Target);
        }

        foreach ((MemoryStep step, MemProcException reason) in left)
        {
            MemoryWrite write = step.Done(null);
            message += $" NOT put back: {step.Place}, written as {ByteText.Short(write.Bytes)}, before that "
                + $"{ByteText.Short(write.PreviousBytes)}: {reason.Message.TrimEnd('.')}.";
        }

        MemoryWrite[] writes = [.. left.Select(item => item.Step.Done(null)).Reverse()];
        return new MemProcException(Operation.RestoreMemory, left[0].Reason.Errno, message, writes);
    }

    /// <summary>
    /// Throws where the process has exited: there is nothing to put back. Its memory goes before the rest of it.
    /// </summary>
    private void ThrowIfGone(Errno errno)
    {
        if (errno == Errno.ESRCH)
        {
            SpinWait.SpinUntil(() => _process.HasExited, Patience);
        }

        _process.ThrowIfExited(Operation.WriteMemory);
    }

    private static void RefuseOverlap(LinuxProcess process, IReadOnlyList<WantedWrite> changes)
    {
        if (FirstOverlap(changes) is (ulong first, ulong second))
        {
            throw new MemProcException(Operation.WriteMemory, Errno.EINVAL,
                $"Process {process.Identity}: nothing was written: the writes to 0x{first:x} and 0x{second:x} overlap, and "
                + "what is done together has no first and last.", second);
        }
    }

    /// <summary>Two writes to the same byte; null where there are none.</summary>
    private static (ulong First, ulong Second)? FirstOverlap(IReadOnlyList<WantedWrite> changes)
    {
        (ulong Address, int Length)[] ranges =
            [.. changes.Select(change => (change.Address, change.Bytes.Length)).Order()];
        for (int index = 1; index < ranges.Length; index++)
        {
            (ulong address, int length) = ranges[index - 1];
            if (ranges[index].Address - address < (ulong)length)
            {
                return (address, ranges[index].Address);
            }
        }

        return null;
    }
}

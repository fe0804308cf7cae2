using MemProc.Interop;

namespace MemProc;

/// <summary>Writes to the memory of one process, all or none.</summary>
/// <remarks>
/// They are checked on preparation, so that the user can decide, and once more on commit. If one fails, those before it
/// are rolled back.
/// </remarks>
public sealed class MemoryTransaction
{
    /// <summary>Maximum number of writes that a message lists.</summary>
    private const int MaxNamedWrites = 16;

    /// <summary>How long a process may take to exit after its memory is gone.</summary>
    private static readonly TimeSpan ExitTimeout = TimeSpan.FromSeconds(5);

    private readonly LinuxProcess _process;
    private readonly MemoryWriter _writer;
    private readonly CancellationToken _cancellation;
    private readonly bool _isUndo;

    /// <summary>Some writes overlap, so that each is compared with what the earlier ones leave.</summary>
    private readonly bool _hasOverlap;

    private MemoryTransaction(
        LinuxProcess process, IReadOnlyList<MemoryWriteRequest> changes, bool isUndo, bool allowUserfault,
        CancellationToken cancellation)
    {
        _process = process;
        _isUndo = isUndo;
        _cancellation = cancellation;
        _writer = new MemoryWriter(process, isUndo, allowUserfault, cancellation);
        _hasOverlap = FirstOverlap(changes) is not null;
        List<PlannedWrite> plans = [];
        foreach (MemoryWriteRequest change in changes)
        {
            plans.Add(Check(changes.Count, () => _writer.Check(change, _hasOverlap ? plans : [])));
        }

        Writes = plans;
    }

    /// <summary>The writes, in the order in which they will be done.</summary>
    public IReadOnlyList<PlannedWrite> Writes { get; }

    /// <summary>Checks writes that are done together.</summary>
    /// <param name="process">The process.</param>
    /// <param name="changes">The writes, at least one; no two to the same byte.</param>
    /// <param name="allowUserfault">
    /// Wait for pages that a handler of userfaultfd(2) supplies or releases; not while the process is stopped.
    /// </param>
    /// <param name="cancellation">
    /// Cancels the checks and the stop of the process. Writes are completed, unless one waits in the kernel; then all are
    /// rolled back.
    /// </param>
    /// <exception cref="MemProcException">
    /// WriteMemory: EINVAL for a range that is not valid, or two that overlap; EFAULT where part of one is not mapped;
    /// EACCES where part of one is not writable and force was not requested, or is not possible as the mapping is
    /// shared; EBUSY where a handler of userfaultfd(2) has to supply a page first. CompareMemory, EAGAIN: other bytes are there than expected. Nothing is written.
    /// </exception>
    public static MemoryTransaction Prepare(
        LinuxProcess process, IReadOnlyList<MemoryWriteRequest> changes, bool allowUserfault = false,
        CancellationToken cancellation = default)
    {
        RefuseOverlap(process, changes);
        return new MemoryTransaction(process, changes, isUndo: false, allowUserfault, cancellation);
    }

    /// <summary>Checks that writes can be undone: the bytes that they wrote must still be there.</summary>
    /// <param name="process">The process that was written to.</param>
    /// <param name="writes">The writes, in the order in which they were done.</param>
    /// <param name="allowUserfault">
    /// Wait for pages that a handler of userfaultfd(2) supplies or releases; not while the process is stopped.
    /// </param>
    /// <param name="cancellation">
    /// Cancels the checks and the stop of the process. Writes are completed, unless one waits in the kernel; then all are
    /// rolled back.
    /// </param>
    /// <exception cref="MemProcException">
    /// OpenProcess, ESRCH: the writes were to another process. WriteMemory as in <see cref="Prepare"/>. CompareMemory,
    /// EAGAIN: the bytes have changed since.
    /// </exception>
    public static MemoryTransaction PrepareUndo(
        LinuxProcess process, IReadOnlyList<MemoryWrite> writes, bool allowUserfault = false,
        CancellationToken cancellation = default)
    {
        if (writes.FirstOrDefault(write => !write.Process.IsSame(process.Identity)) is { } stranger)
        {
            throw new MemProcException(Operation.OpenProcess, Errno.ESRCH,
                $"The write to 0x{stranger.Address:x} was to process {stranger.Process}, not to {process.Identity}.",
                process.Id);
        }

        // A write that was forced must be undone by force.
        MemoryWriteRequest[] changes = [.. writes.Reverse().Select(write => new MemoryWriteRequest(
            write.Address, write.PreviousBytes, write.Bytes, Force: write.Method == WriteMethod.Mem))];
        return new MemoryTransaction(process, changes, isUndo: true, allowUserfault, cancellation);
    }

    /// <summary>Describes all writes for the confirmation, one a line.</summary>
    /// <param name="stop">The process will be stopped meanwhile.</param>
    public string Describe(bool stop)
    {
        string verb = _isUndo ? "Put back" : "Write";
        string held = stop ? ", stopped meanwhile" : string.Empty;
        return Writes is [{ } only]
            ? $"{verb} {only.Place}{held}: {only.Change}"
            : $"{verb} {Writes.Count} places of process {_process.Identity}{held}, all or none:\n  "
                + string.Join("\n  ", Writes.Select(plan => plan.Line));
    }

    /// <summary>Does the writes.</summary>
    /// <param name="stop">
    /// Stop the process meanwhile, so that it never sees some of the writes without the others.
    /// </param>
    /// <param name="verify">Read the bytes back and compare.</param>
    /// <exception cref="MemProcException">
    /// As in <see cref="Prepare"/>, and: WriteMemory, the kernel refused a byte; VerifyMemory, EIO: other bytes were
    /// read back; StopProcess: the process cannot be stopped. Writes that were done are rolled back, except for bytes
    /// that changed meanwhile. RestoreMemory: a write could not be rolled back; the target of the error holds those as
    /// <see cref="MemoryWrite"/> objects. ESRCH: the process has exited.
    /// </exception>
    public IReadOnlyList<MemoryWrite> Commit(bool stop, bool verify)
    {
        ActiveWrite[] steps = [.. Writes.Select(plan => new ActiveWrite(plan))];
        using ProcessStop? held = stop ? ProcessStop.Begin(_process, _cancellation) : null;
        for (int index = 0; index < Writes.Count; index++)
        {
            IEnumerable<PlannedWrite> earlier = _hasOverlap ? Writes.Take(index) : [];
            Check(Writes.Count, () => _writer.Recheck(Writes[index], earlier));
        }

        // From the first byte on, only a failure ends the writes.
        int begun = 0;
        bool isWritten = false;
        try
        {
            foreach (ActiveWrite step in steps)
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
            // A write whose bytes differ when read back is not there to be rolled back.
            int last = isWritten ? begun - 1 : begun;
            throw RollBack([.. steps.Take(last).Where(step => step.Written > 0).Reverse()], error);
        }

        return Array.ConvertAll(steps, step => step.ToResult(verify ? true : null));
    }

    /// <summary>Runs one of several checks before anything is written; one that fails fails all.</summary>
    private PlannedWrite Check(int count, Func<PlannedWrite> check)
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

    /// <summary>Rolls writes back and adds the result to the error.</summary>
    private MemProcException RollBack(ActiveWrite[] steps, MemProcException error)
    {
        List<ActiveWrite> restored = [];
        List<(ActiveWrite Step, MemProcException Reason)> left = [];
        foreach (ActiveWrite step in steps)
        {
            if (_writer.RollBack(step) is { } reason)
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
            string more = restored.Count > MaxNamedWrites ? $" and {restored.Count - MaxNamedWrites} more" : string.Empty;
            message += " What was written is put back: "
                + $"{string.Join(", ", restored.Take(MaxNamedWrites).Select(step => step.Description))}{more}.";
        }

        if (left.Count == 0)
        {
            return new MemProcException(error.Operation, error.Errno, message, error.Target);
        }

        foreach ((ActiveWrite step, MemProcException reason) in left)
        {
            MemoryWrite write = step.ToResult(null);
            message += $" NOT put back: {step.Description}, written as {ByteText.Preview(write.Bytes)}, before that "
                + $"{ByteText.Preview(write.PreviousBytes)}: {reason.Message.TrimEnd('.')}.";
        }

        MemoryWrite[] writes = [.. left.Select(item => item.Step.ToResult(null)).Reverse()];
        return new MemProcException(Operation.RestoreMemory, left[0].Reason.Errno, message, writes);
    }

    /// <summary>
    /// Throws where the process has exited, so that nothing can be rolled back. Its memory is gone before it counts as
    /// exited.
    /// </summary>
    private void ThrowIfGone(Errno errno)
    {
        if (errno == Errno.ESRCH)
        {
            SpinWait.SpinUntil(() => _process.HasExited, ExitTimeout);
        }

        _process.ThrowIfExited(Operation.WriteMemory);
    }

    private static void RefuseOverlap(LinuxProcess process, IReadOnlyList<MemoryWriteRequest> changes)
    {
        if (FirstOverlap(changes) is (ulong first, ulong second))
        {
            throw new MemProcException(Operation.WriteMemory, Errno.EINVAL,
                $"Process {process.Identity}: nothing was written: the writes to 0x{first:x} and 0x{second:x} overlap, and "
                + "writes of one transaction have no order.", second);
        }
    }

    /// <summary>Returns the addresses of two writes that overlap; null where none do.</summary>
    private static (ulong First, ulong Second)? FirstOverlap(IReadOnlyList<MemoryWriteRequest> changes)
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

/// <summary>A requested write to memory.</summary>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Bytes">The bytes to write, at least one.</param>
/// <param name="Expected">
/// The bytes that must be there before; may be fewer or more than are written. Null: any.
/// </param>
/// <param name="Force">Write through <c>/proc/PID/mem</c> where the process itself has no write permission.</param>
public sealed record MemoryWriteRequest(ulong Address, byte[] Bytes, byte[]? Expected = null, bool Force = false)
{
    /// <summary>The type of the numbers that the bytes are, for the confirmation; null: they are shown as bytes.</summary>
    public MemoryValueType? Type { get; init; }
}

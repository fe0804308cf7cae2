using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Checks, does and rolls back single writes; a <see cref="MemoryTransaction"/> does several together.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="isUndo">The writes undo others; errors are worded accordingly.</param>
/// <param name="allowUserfault">See <see cref="MemoryReader.AllowUserfault"/>; the same for writes.</param>
/// <param name="cancellation">Ends checks, and calls that wait in the kernel.</param>
internal sealed class MemoryWriter(
    LinuxProcess process, bool isUndo, bool allowUserfault, CancellationToken cancellation)
{
    /// <summary>How long a system call may take while the process is stopped: what it waits for may be the process.</summary>
    private static readonly TimeSpan StoppedTimeout = TimeSpan.FromSeconds(5);

    private readonly string _nothingWritten = isUndo ? "nothing was put back at" : "nothing was written to";

    /// <summary>Checks that the whole range can be written, and reads the bytes that are there.</summary>
    /// <param name="change">The requested write.</param>
    /// <param name="earlier">Writes that will be done before it, in their order.</param>
    /// <exception cref="MemProcException">See <see cref="MemoryTransaction.Prepare"/>.</exception>
    public PlannedWrite Check(MemoryWriteRequest change, IEnumerable<PlannedWrite> earlier)
    {
        ulong address = change.Address;
        ulong end = UserRange.End(address, (ulong)change.Bytes.Length, Operation.WriteMemory);
        ProcMap[] maps = [.. MapReader.Between(process, address, end, cancellation)];
        ulong covered = address;
        foreach (ProcMap map in maps)
        {
            if (map.Start > covered)
            {
                break;
            }

            covered = map.End;
        }

        if (covered < end)
        {
            throw process.Failure(Operation.WriteMemory, Errno.EFAULT,
                $"{_nothingWritten} 0x{address:x}: nothing is mapped at 0x{covered:x}", address);
        }

        ProcMap? closed = maps.FirstOrDefault(map => !map.IsWritable);
        if (closed is not null && (!change.Force || closed.IsShared))
        {
            string remedy = closed.IsShared
                ? "It is shared with a file or other processes, where the kernel allows no forced write."
                : "A forced write, through /proc/PID/mem, would change the process' own copy.";
            throw new MemProcException(Operation.WriteMemory, Errno.EACCES,
                $"Process {process.Identity}: {_nothingWritten} 0x{address:x}: the mapping {closed.Label} is not writable. {remedy}",
                address) { CanBeForced = !closed.IsShared && !isUndo };
        }

        MemoryReader reader = new(process, closed is null ? ReadMethod.Auto : ReadMethod.Mem, cancellation)
        {
            AllowUserfault = allowUserfault,
        };
        byte[] present = new byte[Math.Max(change.Bytes.Length, change.Expected?.Length ?? 0)];
        Read(reader, address, present);
        foreach (PlannedWrite plan in earlier)
        {
            Overlay(plan, address, present);
        }

        Compare(address, present, change.Expected);
        // A process that is read through the file cannot be reached by its id: procfs is of another PID namespace.
        WriteMethod method = reader.Method == ReadMethod.Mem ? WriteMethod.Mem : WriteMethod.ProcessVm;
        return new PlannedWrite(address, change.Bytes, present[..change.Bytes.Length], method, maps, change.Expected)
        {
            Type = change.Type,
        };
    }

    /// <summary>Repeats the check: the confirmation may have taken minutes.</summary>
    /// <inheritdoc cref="Check"/>
    public PlannedWrite Recheck(PlannedWrite plan, IEnumerable<PlannedWrite> earlier)
    {
        PlannedWrite now = Check(new MemoryWriteRequest(plan.Address, plan.Bytes, plan.Expected, plan.IsForced) { Type = plan.Type }, earlier);
        return now.IsForced == plan.IsForced && now.Maps.Any(map => map.IsShared) == plan.Maps.Any(map => map.IsShared)
            ? now
            : throw new MemProcException(Operation.WriteMemory, Errno.EAGAIN,
                $"Process {process.Identity}: {_nothingWritten} 0x{plan.Address:x}: its mapping has changed since the check, to "
                + $"{string.Join(" and ", now.Maps.Select(map => map.Label))}.", plan.Address);
    }

    /// <summary>Does a write; the step receives the previous bytes and the number of bytes written.</summary>
    /// <exception cref="MemProcException">See <see cref="MemoryTransaction.Commit"/>.</exception>
    public void Write(ActiveWrite step) => Complete(step.Plan.Address, () => WriteHere(step));

    private bool WriteHere(ActiveWrite step)
    {
        PlannedWrite plan = step.Plan;
        Read(Reader(plan), plan.Address, step.PreviousBytes);
        // Expected bytes after the written ones were compared before the first write; other writes may have changed
        // them.
        Compare(plan.Address, step.PreviousBytes,
            plan.Expected?.Length > plan.Bytes.Length ? plan.Expected[..plan.Bytes.Length] : plan.Expected);
        WriteAll(plan, plan.Bytes, written => step.Written = written, out Errno errno);
        if (step.Written < plan.Bytes.Length)
        {
            string done = step.Written == 0
                ? _nothingWritten
                : $"{step.Written} of {plan.Bytes.Length} bytes were written to";
            ulong refused = plan.Address + (ulong)step.Written;
            bool needsHandler = errno == Errno.EIO && new MemoryAccess(process, isMem: true, cancellation)
                .IsUserfaultWrite(refused);
            throw process.Failure(Operation.WriteMemory, needsHandler ? Errno.EBUSY : errno,
                $"{done} 0x{plan.Address:x}, the byte at 0x{refused:x} "
                + (needsHandler ? "cannot be written before a userfaultfd handler allows it (AllowUserfault waits for it)" : "was refused"),
                plan.Address);
        }

        return true;
    }

    /// <summary>Reads the written bytes back.</summary>
    /// <exception cref="MemProcException">VerifyMemory, EIO: other bytes are there.</exception>
    public void Verify(PlannedWrite plan) => Complete(plan.Address, () => VerifyHere(plan));

    private bool VerifyHere(PlannedWrite plan)
    {
        byte[] present = new byte[plan.Bytes.Length];
        Read(Reader(plan), plan.Address, present);
        if (!present.AsSpan().SequenceEqual(plan.Bytes))
        {
            throw new MemProcException(Operation.VerifyMemory, Errno.EIO,
                $"Process {process.Identity}: {ByteText.Count(plan.Bytes.Length)} went to 0x{plan.Address:x}, but "
                + $"{ByteText.Preview(present)} was read back. The process may have changed it since.", plan.Address);
        }

        return true;
    }

    /// <summary>Rolls a write back, unless its bytes have changed since.</summary>
    /// <returns>Why this was not possible; null on success.</returns>
    public MemProcException? RollBack(ActiveWrite step)
    {
        try
        {
            return Complete(step.Plan.Address, () => RollBackHere(step));
        }
        catch (MemProcException error)
        {
            return new MemProcException(Operation.RestoreMemory, error.Errno, error.Message);
        }
    }

    private MemProcException? RollBackHere(ActiveWrite step)
    {
        int length = step.Written;
        byte[] present = new byte[length];
        Read(Reader(step.Plan), step.Plan.Address, present);
        if (!present.AsSpan().SequenceEqual(step.Plan.Bytes.AsSpan(0, length)))
        {
            return new MemProcException(Operation.RestoreMemory, Errno.EAGAIN,
                $"it has been changed since, to {ByteText.Preview(present)}");
        }

        int count = WriteAll(step.Plan, step.PreviousBytes.AsMemory(0, length), _ => { }, out Errno errno);
        return count == length ? null : new MemProcException(Operation.RestoreMemory, errno,
            $"only {count} bytes of it could be written, {ErrnoException.Describe(errno)} ({errno})");
    }

    /// <summary>
    /// Does one step of a write that has begun. It is completed even after Ctrl-C, unless a call waits in the kernel.
    /// </summary>
    private T Complete<T>(ulong address, Func<T> step)
    {
        try
        {
            return BlockingWork.Run(step, cancellation, process.IsStopped ? StoppedTimeout : null, completes: true);
        }
        catch (Exception error) when (error is OperationCanceledException or TimeoutException)
        {
            throw process.Failure(Operation.WriteMemory, Errno.ETIMEDOUT,
                $"the write to 0x{address:x} waits for a page, and was given up. Its bytes may still be written when the page "
                + "arrives", address);
        }
    }

    private MemoryReader Reader(PlannedWrite plan) =>
        new(process, plan.Method == WriteMethod.Mem ? ReadMethod.Mem : ReadMethod.ProcessVm)
        {
            AllowUserfault = allowUserfault,
        };

    /// <summary>
    /// Writes as much as the kernel accepts. Returns the number of bytes, and the error if some are missing.
    /// </summary>
    private int WriteAll(PlannedWrite plan, ReadOnlyMemory<byte> bytes, Action<int> progress, out Errno errno)
    {
        process.ThrowIfExited(Operation.WriteMemory);
        // Immediately before the call, so that the id of a thread that has exited reaches no other process.
        process.TrySwitchThread();
        MemoryAccess access = new(process, plan.Method == WriteMethod.Mem, cancellation)
        {
            AllowsUserfault = allowUserfault,
        };
        using WritableMemory memory = new(process);
        int written = 0;
        while (written < bytes.Length)
        {
            BlockingWork.CheckPoint();
            errno = access.TryWrite(memory, plan.Address + (ulong)written, bytes.Span[written..], out int count);
            written += count;
            progress(written);
            if (count == 0)
            {
                errno = errno == Errno.None ? Errno.EFAULT : errno;
                return written;
            }
        }

        errno = Errno.None;
        // If the process was killed meanwhile, the bytes are gone with its memory.
        process.ThrowIfTerminated(Operation.WriteMemory);
        return written;
    }

    private void Read(MemoryReader reader, ulong address, byte[] present)
    {
        if (reader.Read(address, present.AsMemory()) is [{ } gap, ..])
        {
            bool needsHandler = gap.Kind == MemoryGapKind.Userfault;
            throw process.Failure(Operation.WriteMemory, needsHandler ? Errno.EBUSY : gap.Errno,
                $"{_nothingWritten} 0x{address:x}: what is there now cannot be read at 0x{gap.Address:x}"
                + (needsHandler ? " before a userfaultfd handler supplies it (AllowUserfault waits for it)" : string.Empty), address);
        }
    }

    private void Compare(ulong address, ReadOnlySpan<byte> present, byte[]? expected)
    {
        if (expected is not null && !present.StartsWith(expected))
        {
            string what = isUndo ? ", which was written there" : string.Empty;
            throw new MemProcException(Operation.CompareMemory, Errno.EAGAIN,
                $"Process {process.Identity}: {_nothingWritten} 0x{address:x}: expected {ByteText.Preview(expected)}{what}, found "
                + $"{ByteText.Preview(present[..expected.Length])}.", address);
        }
    }

    /// <summary>Overlays the bytes that are there now with those of an earlier write.</summary>
    private static void Overlay(PlannedWrite plan, ulong address, Span<byte> present)
    {
        ulong start = Math.Max(address, plan.Address);
        ulong end = Math.Min(address + (ulong)present.Length, plan.End);
        if (start < end)
        {
            plan.Bytes.AsSpan((int)(start - plan.Address), (int)(end - start)).CopyTo(present[(int)(start - address)..]);
        }
    }
}

/// <summary>A write of a transaction while it is being done.</summary>
/// <param name="plan">The checked write.</param>
internal sealed class ActiveWrite(PlannedWrite plan)
{
    /// <summary>The checked write.</summary>
    public PlannedWrite Plan => plan;

    /// <summary>The bytes that were there immediately before the write.</summary>
    public byte[] PreviousBytes { get; } = new byte[plan.Bytes.Length];

    /// <summary>Number of bytes written so far, from the first one on.</summary>
    public int Written { get; set; }

    /// <summary>Number of bytes and address: <c>4 bytes at 0x7ffd2de47000</c>.</summary>
    public string Description => $"{ByteText.Count(Written)} at 0x{plan.Address:x}";

    /// <summary>Returns what was written.</summary>
    /// <param name="isVerified">See <see cref="MemoryWrite.IsVerified"/>.</param>
    public MemoryWrite ToResult(bool? isVerified) => new(
        plan.Maps[0].Process, plan.Address, PreviousBytes[..Written], plan.Bytes[..Written], plan.Method,
        plan.Maps[0].Path, isVerified);
}

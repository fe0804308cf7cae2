using MemProc.Interop;

namespace MemProc;

/// <summary>Where a reader takes the bytes of a target from.</summary>
internal abstract class MemorySource
{
    /// <summary>How memory is read; never Auto.</summary>
    public abstract ReadMethod Method { get; }

    /// <summary>The kind of a gap of pages that are mapped and not there.</summary>
    public abstract MemoryGapKind AbsentKind { get; }

    /// <summary>See <see cref="MemoryReader.ResidentOnly"/>.</summary>
    public bool ResidentOnly { get; set; }

    /// <summary>See <see cref="MemoryReader.AllowUserfault"/>.</summary>
    public virtual bool AllowsUserfault { get; set; }

    /// <summary>Selects the source of a target.</summary>
    /// <param name="target">The process or core.</param>
    /// <param name="method">How to read; Auto selects by a test. A core is read in its own way.</param>
    /// <param name="cancellation">Stops reads.</param>
    /// <exception cref="MemProcException">ReadMemory, EINVAL: the method is for cores.</exception>
    public static MemorySource Of(MemoryTarget target, ReadMethod method, CancellationToken cancellation) => target switch
    {
        CoreFile core => new CoreMemorySource(core, cancellation),
        _ when method == ReadMethod.Core => throw target.Failure(Operation.ReadMemory, Errno.EINVAL,
            "the method Core reads core files"),
        _ => new LiveMemorySource((LinuxProcess)target, method, cancellation),
    };

    /// <summary>Returns the parts of a range that are in memory.</summary>
    public abstract IEnumerable<AddressRange> ResidentRanges(ulong start, ulong end);

    /// <summary>Reads bytes.</summary>
    /// <param name="address">First address.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="files">Receives the path of a file that supplied them in place of the memory.</param>
    /// <param name="read">Bytes read; may be fewer than requested. 0 where the address cannot be read.</param>
    /// <returns>Why the address cannot be read.</returns>
    /// <exception cref="MemProcException">ReadMemory: no access, or the process has exited.</exception>
    public abstract Errno TryRead(ulong address, Span<byte> buffer, SortedSet<string>? files, out int read);

    /// <summary>Returns the gap that begins at an address that is mapped and could not be read.</summary>
    /// <param name="map">The mapping.</param>
    /// <param name="address">The address.</param>
    /// <param name="errno">Why it could not be read.</param>
    public abstract MemoryGap GapAt(ProcMap map, ulong address, Errno errno);

    protected static ulong NextPage(ulong address) => MachinePage.Floor(address) + MachinePage.SizeBytes;
}

/// <summary>The memory of a live process.</summary>
internal sealed class LiveMemorySource : MemorySource
{
    private readonly LinuxProcess _process;
    private readonly CancellationToken _cancellation;
    private readonly MemoryAccess _access;

    public LiveMemorySource(LinuxProcess process, ReadMethod method, CancellationToken cancellation)
    {
        _process = process;
        _cancellation = cancellation;
        Method = method == ReadMethod.Auto ? Choose(process) : method;
        _access = new MemoryAccess(process, Method == ReadMethod.Mem, cancellation);
    }

    /// <inheritdoc/>
    public override ReadMethod Method { get; }

    /// <inheritdoc/>
    public override MemoryGapKind AbsentKind => MemoryGapKind.NotResident;

    /// <inheritdoc/>
    public override bool AllowsUserfault
    {
        get => _access.AllowsUserfault;
        set => _access.AllowsUserfault = value;
    }

    /// <inheritdoc/>
    public override IEnumerable<AddressRange> ResidentRanges(ulong start, ulong end) =>
        new ResidentMemory(_process, _cancellation).Ranges(start, end);

    /// <inheritdoc/>
    public override Errno TryRead(ulong address, Span<byte> buffer, SortedSet<string>? files, out int read)
    {
        Errno errno = _access.TryRead(address, buffer, out read);
        switch (errno)
        {
            case Errno.None when read > 0:
                // The call takes a process id, which may have been reused if the process has exited.
                if (Method == ReadMethod.ProcessVm)
                {
                    _process.ThrowIfTerminated(Operation.ReadMemory);
                }

                return errno;
            case Errno.None:
                throw _process.Failure(Operation.ReadMemory, Errno.EFAULT,
                    $"the memory at 0x{address:x} is gone, since the process has executed another program", address);
            case Errno.EFAULT or Errno.EIO or Errno.ENXIO or Errno.EHWPOISON:
                _process.ThrowIfExited(Operation.ReadMemory);
                return errno;
            default:
                throw _process.Failure(Operation.ReadMemory, errno, $"the memory at 0x{address:x} cannot be read", address);
        }
    }

    /// <inheritdoc/>
    public override MemoryGap GapAt(ProcMap map, ulong address, Errno errno)
    {
        bool isUserfault = _access.IsUserfault(map, address, errno);
        ulong end = isUserfault ? _access.EndOfAbsent(map, address) : IsClosed(map, errno) ? map.End : NextPage(address);
        return new MemoryGap(
            address, end - address, isUserfault ? MemoryGapKind.Userfault : MemoryGapKind.Unreadable, errno);
    }

    private bool IsClosed(ProcMap map, Errno errno) => (!map.IsReadable && Method == ReadMethod.ProcessVm)
        || map.Kind is ProcMapKind.Vvar || (map.Kind == ProcMapKind.Device && errno == Errno.EIO);

    private static ReadMethod Choose(LinuxProcess process)
    {
        Span<byte> nothing = stackalloc byte[1];
        // Address 0 is never mapped: EFAULT means that the call itself is allowed. In a procfs of another PID
        // namespace, process ids differ from those that the call takes.
        Errno errno;
        do
        {
            errno = Libc.TryProcessVmRead(process.CallId, 0, nothing, out _);
        }
        while (process.MustRepeat(errno));

        bool works = errno is Errno.EFAULT or Errno.None && process.Files.NumbersAsCalls;
        return works ? ReadMethod.ProcessVm : ReadMethod.Mem;
    }
}

/// <summary>The memory that a core holds, or has left to a mapped file.</summary>
internal sealed class CoreMemorySource(CoreFile core, CancellationToken cancellation) : MemorySource
{
    /// <inheritdoc/>
    public override ReadMethod Method => ReadMethod.Core;

    /// <inheritdoc/>
    public override MemoryGapKind AbsentKind => MemoryGapKind.NotSaved;

    /// <inheritdoc/>
    public override IEnumerable<AddressRange> ResidentRanges(ulong start, ulong end) => core.Memory.Ranges(start, end);

    /// <inheritdoc/>
    public override Errno TryRead(ulong address, Span<byte> buffer, SortedSet<string>? files, out int read)
    {
        cancellation.ThrowIfCancellationRequested();
        Errno errno = core.Memory.TryRead(address, buffer, out read);
        if (errno == Errno.ENODATA && !ResidentOnly && core.Backing.TryRead(address, buffer, out read, out string? path))
        {
            files?.Add(path);
            return Errno.None;
        }

        return errno;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// It ends at the next page that the core has, or a mapped file can have. A file is asked page by page, as only parts
    /// of it are used.
    /// </remarks>
    public override MemoryGap GapAt(ProcMap map, ulong address, Errno errno)
    {
        ulong saved = core.Memory.NextSaved(address);
        ulong end = saved > address ? Math.Min(saved, map.End) : NextPage(address);
        end = core.Backing.CanHave(map, address) ? Math.Min(end, NextPage(address)) : end;
        return new MemoryGap(address, Math.Min(end, map.End) - address, MemoryGapKind.NotSaved, Errno.None);
    }
}

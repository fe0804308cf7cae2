using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The system calls that read and write memory of a process, without a wait for a handler of userfaultfd(2).
/// </summary>
/// <remarks>
/// process_vm_readv(2) waits for the handler of a missing page, and process_vm_writev(2) also for the handler of a
/// write-protected one. A read or write of <c>/proc/PID/mem</c> fails with EIO instead, since the kernel cannot retry
/// its faults (<c>handle_userfault</c> requires FAULT_FLAG_ALLOW_RETRY, which <c>access_remote_vm</c> lacks); it
/// returns the bytes of a page that needs no handler. So present pages are accessed by the faster or usual call, and
/// others through the file where a handler is possible. A missing page of any other file is left to
/// process_vm_readv(2): if its file system does not answer, that wait ends with this program, and one in the file does
/// not. A page that disappears between the look at the page table and the call can still make the call wait:
/// <see cref="BlockingWork"/> makes every call one that can be abandoned.
/// </remarks>
/// <param name="process">The process.</param>
/// <param name="isMem">Access everything through <c>/proc/PID/mem</c>.</param>
/// <param name="cancellation">Stops the look for handlers.</param>
internal sealed class MemoryAccess(LinuxProcess process, bool isMem, CancellationToken cancellation)
{
    /// <summary>Entries of pagemap that are read at a time.</summary>
    private const int BatchPages = 256;

    private readonly UserfaultAreas _areas = new(process, cancellation);
    private readonly MemoryDevices _devices = new(process);
    private bool _canScan = true;
    private bool _canReadEntries = true;

    /// <summary>Wait for handlers. Not done while the process is stopped: the handler may be in it.</summary>
    public bool AllowsUserfault { get; set; }

    private bool IsGuarded => !AllowsUserfault || process.IsStopped;

    /// <summary>Reads memory.</summary>
    /// <param name="address">First address.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="read">Bytes read; may be fewer than requested.</param>
    public Errno TryRead(ulong address, Span<byte> buffer, out int read)
    {
        if (isMem)
        {
            return Libc.TryPRead(process.Memory, buffer, address, out read);
        }

        ulong end = address + (ulong)buffer.Length;
        if (IsGuarded && FindAbsent(address, end) is ulong absent)
        {
            if (absent <= address)
            {
                return TryReadAbsent(address, buffer, out read);
            }

            buffer = buffer[..(int)(absent - address)];
        }

        return TryProcessVmRead(address, buffer, out read);
    }

    /// <summary>Writes memory. A page that a handler would have to supply or to release is refused with EIO.</summary>
    /// <param name="memory">Opens <c>/proc/PID/mem</c> for writing.</param>
    /// <param name="address">First address.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="written">Bytes written; may be fewer than requested.</param>
    public Errno TryWrite(WritableMemory memory, ulong address, ReadOnlySpan<byte> bytes, out int written) =>
        isMem || (IsGuarded && !IsReadyForWrite(address, address + (ulong)bytes.Length))
            ? Libc.TryPWrite(memory.File, bytes, address, out written)
            : TryProcessVmWrite(address, bytes, out written);

    /// <summary>Returns whether a handler has to supply the page of an address whose read failed.</summary>
    /// <param name="map">The mapping of the address.</param>
    /// <param name="address">The address.</param>
    /// <param name="errno">The error of the read.</param>
    public bool IsUserfault(ProcMap map, ulong address, Errno errno) => errno == Errno.EIO
        && _devices.CanHaveUserfault(map) && Entry(address) is { IsPresent: false, IsGuard: false }
        && _areas.Contain(address, MapTraits.Userfault);

    /// <summary>Returns whether a handler decides about writes to the page of an address, or has to supply it.</summary>
    /// <param name="address">The address.</param>
    public bool IsUserfaultWrite(ulong address) => Entry(address) is { } entry
        && (entry.IsPresent ? entry.IsWriteProtected : !entry.IsGuard)
        && _areas.Contain(address, entry.IsPresent ? MapTraits.UserfaultWrite : MapTraits.Userfault);

    /// <summary>
    /// Returns where the missing pages end that begin at an address. In private memory a handler has to supply each of
    /// them; a file in memory can have some of them, so there it is the next page.
    /// </summary>
    /// <param name="map">The mapping of the address.</param>
    /// <param name="address">The address.</param>
    public ulong EndOfAbsent(ProcMap map, ulong address)
    {
        ulong next = MachinePage.Floor(address) + MachinePage.SizeBytes;
        if (map.Inode != 0 || !_canScan || next >= map.End)
        {
            return next;
        }

        Span<PageRegion> first = stackalloc PageRegion[1];
        Errno errno = PageMapScan.TryFindPopulated(process.PageMap, next, map.End, first, out int count, out _, maxPages: 1);
        return errno != Errno.None ? next : count > 0 ? first[0].Start : map.End;
    }

    private Errno TryProcessVmRead(ulong address, Span<byte> buffer, out int read)
    {
        Errno errno;
        do
        {
            errno = Libc.TryProcessVmRead(process.CallId, address, buffer, out read);
        }
        while (process.MustRepeat(errno));

        return errno;
    }

    private Errno TryProcessVmWrite(ulong address, ReadOnlySpan<byte> bytes, out int written)
    {
        Errno errno;
        do
        {
            errno = Libc.TryProcessVmWrite(process.CallId, address, bytes, out written);
        }
        while (process.MustRepeat(errno));

        return errno;
    }

    /// <summary>Reads from a page that is not present, up to the end of its mapping.</summary>
    private Errno TryReadAbsent(ulong address, Span<byte> buffer, out int read)
    {
        ProcMap? map = MapReader.Find(process, address, cancellation);
        if (map is not null)
        {
            buffer = buffer[..(int)Math.Min((ulong)buffer.Length, map.End - address)];
            // The file also returns what the process itself may not read.
            if (map.IsReadable && _devices.CanHaveUserfault(map) && TryReadFile(address, buffer, out read) is Errno errno
                && (read > 0 || IsUserfault(map, address, errno)))
            {
                return errno;
            }
        }

        return TryProcessVmRead(address, buffer, out read);
    }

    /// <summary>Reads <c>/proc/PID/mem</c>; null where it cannot be opened.</summary>
    private Errno? TryReadFile(ulong address, Span<byte> buffer, out int read)
    {
        try
        {
            return Libc.TryPRead(process.Memory, buffer, address, out read);
        }
        catch (MemProcException)
        {
            read = 0;
            return null;
        }
    }

    /// <summary>Returns the first page of a range that is not present; null where all are, or where that is unknown.</summary>
    private ulong? FindAbsent(ulong start, ulong end)
    {
        if (!_canReadEntries)
        {
            return null;
        }

        start = MachinePage.Floor(start);
        end = MachinePage.Ceiling(end);
        try
        {
            if (_canScan && PageMapScan.TryFindAbsent(process.PageMap, start, end, out ulong absent) is Errno errno)
            {
                if (errno == Errno.None)
                {
                    return absent < end ? absent : null;
                }

                _canScan = errno != Errno.ENOTTY;
            }

            return FindEntry(start, end, static entry => !entry.IsPresent);
        }
        catch (MemProcException)
        {
            // Without the page table, a read is one that can wait, and can be abandoned.
            _canReadEntries = false;
            return null;
        }
    }

    private bool IsReadyForWrite(ulong start, ulong end)
    {
        try
        {
            return FindEntry(MachinePage.Floor(start), MachinePage.Ceiling(end),
                static entry => !entry.IsPresent || entry.IsWriteProtected) is null;
        }
        catch (MemProcException)
        {
            return true;
        }
    }

    private ulong? FindEntry(ulong start, ulong end, Func<RawPageMapEntry, bool> isFound)
    {
        Span<ulong> entries = stackalloc ulong[BatchPages];
        for (ulong at = start; at < end;)
        {
            int pages = (int)Math.Min((end - at) / MachinePage.SizeBytes, BatchPages);
            Errno errno = Libc.TryPRead(process.PageMap, MemoryMarshal.AsBytes(entries[..pages]),
                at / MachinePage.SizeBytes * sizeof(ulong), out int read);
            read /= sizeof(ulong);
            if (errno != Errno.None || read == 0)
            {
                // The process exits, or executes another program; the read itself reports that.
                return null;
            }

            for (int index = 0; index < read; index++)
            {
                if (isFound(new RawPageMapEntry(entries[index])))
                {
                    return at + (ulong)index * MachinePage.SizeBytes;
                }
            }

            at += (ulong)read * MachinePage.SizeBytes;
        }

        return null;
    }

    private RawPageMapEntry? Entry(ulong address)
    {
        try
        {
            Span<ulong> entry = stackalloc ulong[1];
            return Libc.TryPRead(process.PageMap, MemoryMarshal.AsBytes(entry),
                address / MachinePage.SizeBytes * sizeof(ulong), out int read) == Errno.None && read == sizeof(ulong)
                ? new RawPageMapEntry(entry[0])
                : null;
        }
        catch (MemProcException)
        {
            return null;
        }
    }
}

/// <summary><c>/proc/PID/mem</c> for writing, opened when it is first used.</summary>
/// <param name="process">The process.</param>
internal sealed class WritableMemory(LinuxProcess process) : IDisposable
{
    private SafeFileHandle? _file;

    /// <summary>The open file.</summary>
    /// <exception cref="MemProcException">WriteMemory: it cannot be opened.</exception>
    public SafeFileHandle File =>
        _file ??= process.OpenFile("mem", Operation.WriteMemory, OpenAccess.ReadWrite);

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();
}

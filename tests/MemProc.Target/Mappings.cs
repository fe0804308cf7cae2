namespace MemProc.Target;

/// <summary>
/// Makes mappings. Each is isolated: the pages before and after it are holes and stay so. The kernel
/// does not merge it with a neighbour, and its bounds in <c>maps</c> are those that were asked for.
/// </summary>
internal static class Mappings
{
    private const int NoHugePage = 15;
    private const nuint HugePage = 2 << 20;

    /// <summary>
    /// Where the next mapping goes. The kernel places what has no wish of its own from the top downwards, and the
    /// runtime maps single pages at any time: they would fill the holes if this were not far below. Each process
    /// begins elsewhere, so that an address of one is not by chance an address of another.
    /// </summary>
    private static ulong _next = 0x7000_0000_0000 + ((ulong)(Environment.ProcessId & 0xfff) << 30);

    /// <summary>Anonymous memory, not counted against what the machine can promise.</summary>
    public static nint Anonymous(nuint length, int protection, bool shared) => Alone(
        length, protection, (shared ? Native.MapShared : Native.MapPrivate) | Native.MapAnonymous, -1, 0);

    /// <summary>A range where nothing is mapped, and nothing will be by others.</summary>
    public static nint Hole(nuint length)
    {
        nint address = Anonymous(length, Native.ProtNone, shared: false);
        Native.Unmap(address, length);
        return address;
    }

    /// <summary>A part of a file. Opened for writing only where a shared mapping has to be writable.</summary>
    public static nint File(long offset, nuint length, int protection, bool shared, byte[] path)
    {
        int file = Native.Open(path, writable: shared && (protection & Native.ProtWrite) != 0);
        try
        {
            return Alone(length, protection, shared ? Native.MapShared : Native.MapPrivate, file, offset);
        }
        finally
        {
            Native.Close(file);
        }
    }

    /// <summary>Writes a part of a file back and lets the page cache drop it; what is in use stays.</summary>
    public static void Evict(long offset, long length, byte[] path)
    {
        int file = Native.Open(path, writable: false);
        try
        {
            Native.WriteBack(file);
            Native.DropCache(file, offset, length);
        }
        finally
        {
            Native.Close(file);
        }
    }

    /// <summary>A file without a directory, mapped shared and writable.</summary>
    public static nint MemoryFile(nuint length, byte[] name)
    {
        int file = Native.CreateMemoryFile(name);
        try
        {
            Native.Truncate(file, (long)length);
            return Alone(length, Native.ProtRead | Native.ProtWrite, Native.MapShared, file, 0);
        }
        finally
        {
            Native.Close(file);
        }
    }

    /// <summary>A reservation as runtimes make it: large, and all but a few pages never touched.</summary>
    /// <returns>The address, and the bytes from one touched page to the next.</returns>
    public static (nint Address, ulong Stride) Reserve(nuint length, ulong pages)
    {
        ulong stride = pages == 0 ? 0 : length / pages / Native.PageSize * Native.PageSize;
        if (stride == 0 && pages > 0)
        {
            throw new CommandException("pages: more than the length holds");
        }

        nint address = Anonymous(length, Native.ProtRead | Native.ProtWrite, shared: false);
        // A touched page must stay one page where huge pages are on for everyone; some kernels have none to forbid.
        Native.TryAdvise(address, length, NoHugePage);
        MemoryBytes.Touch(address, pages, stride);
        return (address, stride);
    }

    /// <summary>Mappings of one page each, side by side, by turns read-write and read-only.</summary>
    public static (nint Address, nuint Length) Many(ulong count)
    {
        nuint length = checked((nuint)(count * Native.PageSize));
        nint address = Anonymous(length, Native.ProtRead | Native.ProtWrite, shared: false);
        try
        {
            for (ulong page = 1; page < count; page += 2)
            {
                Native.Protect(address + (nint)(page * Native.PageSize), (nuint)Native.PageSize, Native.ProtRead);
            }
        }
        catch (CommandException)
        {
            // At the limit of mappings the runtime itself could not go on.
            Native.Unmap(address, length);
            throw;
        }

        return (address, length);
    }

    private static nint Alone(nuint length, int protection, int flags, int file, long offset)
    {
        nuint page = (nuint)Native.PageSize;
        nuint rounded = checked(length + page - 1) / page * page;
        // Memory that is a number of huge pages begins where one can.
        nuint alignment = rounded % HugePage == 0 ? HugePage : page;
        nuint whole = checked(rounded + 2 * page + alignment);
        // A wish: where the address space is too small for it, the kernel chooses.
        nint start = Native.Map(
            (nint)_next, whole, Native.ProtNone, Native.MapPrivate | Native.MapAnonymous | Native.MapNoReserve, -1, 0);
        _next = (ulong)start + whole;
        nuint end = (nuint)start + whole;
        nuint first = ((nuint)start + page + alignment - 1) / alignment * alignment;
        nint address = (nint)first;
        try
        {
            Native.Map(address, length, protection, flags | Native.MapNoReserve | Native.MapFixed, file, offset);
        }
        catch (CommandException)
        {
            Native.Unmap(start, whole);
            throw;
        }

        Native.Unmap(start, first - (nuint)start);
        if (end > first + rounded)
        {
            Native.Unmap((nint)(first + rounded), end - first - rounded);
        }

        return address;
    }
}

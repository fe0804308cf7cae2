namespace MemProc.Target;

/// <summary>
/// Makes mappings. Each is isolated: the pages before and after it are holes and stay so. The kernel
/// does not merge it with a neighbour, and its bounds in <c>maps</c> are the requested ones.
/// </summary>
internal static class Mappings
{
    private const int NoHugePage = 15;
    private const nuint HugePage = 2 << 20;

    /// <summary>
    /// Address of the next mapping. The kernel places mappings without an address hint from the top downwards, and the
    /// runtime maps single pages at any time; they would fill the holes if this were not far below. Each process
    /// starts at a different address, so that an address of one is not by chance an address of another.
    /// </summary>
    private static ulong _next = 0x7000_0000_0000 + ((ulong)(Environment.ProcessId & 0xfff) << 30);

    /// <summary>Maps anonymous memory, not counted against the commit limit (MAP_NORESERVE).</summary>
    public static nint Anonymous(nuint length, int protection, bool shared) => Alone(
        length, protection, (shared ? Native.MapShared : Native.MapPrivate) | Native.MapAnonymous, -1, 0);

    /// <summary>Reserves a range in which nothing is mapped, and nothing else will be.</summary>
    public static nint Hole(nuint length)
    {
        nint address = Anonymous(length, Native.ProtNone, shared: false);
        Native.Unmap(address, length);
        return address;
    }

    /// <summary>Maps a part of a file. Opens it for writing only if a shared mapping must be writable.</summary>
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

    /// <summary>Writes a part of a file back and drops it from the page cache; pages in use stay.</summary>
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

    /// <summary>Maps a memfd, shared and writable.</summary>
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

    /// <summary>Maps secret memory, which the kernel does not map for itself.</summary>
    public static nint Secret(nuint length)
    {
        int file = Native.CreateSecretFile();
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

    /// <summary>Maps shared anonymous memory in place of what is there.</summary>
    public static void Replace(nint address, nuint length) => Native.Map(address, length, Native.ProtRead | Native.ProtWrite,
        Native.MapShared | Native.MapAnonymous | Native.MapFixed, -1, 0);

    /// <summary>Moves memory to another address, isolated like a new mapping.</summary>
    public static nint Move(nint address, nuint length)
    {
        nuint page = (nuint)Native.PageSize;
        nint hole = Hole(length + 2 * page);
        return Native.Remap(address, length, hole + (nint)page);
    }

    /// <summary>Makes a large reservation, as runtimes do, of which only a few pages are touched.</summary>
    /// <returns>The address, and the distance between touched pages in bytes.</returns>
    public static (nint Address, ulong Stride) Reserve(nuint length, ulong pages)
    {
        ulong stride = pages == 0 ? 0 : length / pages / Native.PageSize * Native.PageSize;
        if (stride == 0 && pages > 0)
        {
            throw new CommandException("pages: more than the length holds");
        }

        nint address = Anonymous(length, Native.ProtRead | Native.ProtWrite, shared: false);
        // A touched page must stay one page even if huge pages are always on. Some kernels have no huge pages.
        Native.TryAdvise(address, length, NoHugePage);
        MemoryBytes.Touch(address, pages, stride);
        return (address, stride);
    }

    /// <summary>Makes adjacent mappings of one page each, alternately read-write and read-only.</summary>
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
            // At the limit of mappings the runtime itself could not continue.
            Native.Unmap(address, length);
            throw;
        }

        return (address, length);
    }

    private static nint Alone(nuint length, int protection, int flags, int file, long offset)
    {
        nuint page = (nuint)Native.PageSize;
        nuint rounded = checked(length + page - 1) / page * page;
        // A multiple of the huge page size is aligned to it.
        nuint alignment = rounded % HugePage == 0 ? HugePage : page;
        nuint whole = checked(rounded + 2 * page + alignment);
        // A hint: if the address space is too small for it, the kernel chooses.
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

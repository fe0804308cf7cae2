namespace MemProc.Target;

/// <summary>Threads that keep the memory changing while it is looked at.</summary>
internal sealed class BusyThreads
{
    /// <summary>Pages of the range that <see cref="Churn"/> plays with.</summary>
    public const int ChurnedPages = 80;

    private const int MinPages = 16;

    private readonly List<Thread> _threads = [];
    private volatile bool _stopping;

    /// <summary>Starts a thread that keeps adding 1 to a 64-bit number.</summary>
    public void Spin(nint address)
    {
        Native.CountReadable(address, stackalloc byte[sizeof(long)]);
        Start(() => Increment(address));
    }

    /// <summary>
    /// Starts a thread that keeps mapping memory, touching it, splitting it and unmapping it: in a range where there is
    /// nothing, then one read-write mapping of <see cref="MinPages"/> pages or more, then two, whose first half has
    /// become read-only.
    /// </summary>
    /// <param name="address">Where the range begins; it has <see cref="ChurnedPages"/> pages.</param>
    /// <param name="wall">Where memory begins that loses all access in one call, and regains it in the next.</param>
    /// <param name="length">Its bytes; there may be none.</param>
    public void Churn(nint address, nint wall, nuint length) => Start(() => MapAndUnmap(address, wall, length));

    /// <summary>Starts a thread that keeps starting another and waiting for its end.</summary>
    public void Breed() => Start(StartAndEnd);

    /// <summary>Ends the threads and waits for them.</summary>
    /// <returns>How many there were.</returns>
    public int Still()
    {
        _stopping = true;
        _threads.ForEach(thread => thread.Join());
        _stopping = false;
        int count = _threads.Count;
        _threads.Clear();
        return count;
    }

    private void Start(ThreadStart work)
    {
        Thread thread = new(work) { IsBackground = true };
        _threads.Add(thread);
        thread.Start();
    }

    private unsafe void Increment(nint address)
    {
        while (!_stopping)
        {
            Interlocked.Increment(ref *(long*)address);
        }
    }

    private void StartAndEnd()
    {
        while (!_stopping)
        {
            Thread child = new(() => { });
            child.Start();
            child.Join();
        }
    }

    private void MapAndUnmap(nint range, nint wall, nuint wallLength)
    {
        Random random = new(1);
        for (bool isForbidden = true; !_stopping; isForbidden = !isForbidden)
        {
            ulong pages = (ulong)random.Next(MinPages, ChurnedPages + 1);
            ulong before = (ulong)random.Next(ChurnedPages - (int)pages + 1);
            nuint length = (nuint)(pages * Native.PageSize);
            nint address = Native.Map(range + (nint)(before * Native.PageSize), length,
                Native.ProtRead | Native.ProtWrite, Native.MapPrivate | Native.MapAnonymous | Native.MapFixed, -1, 0);
            MemoryBytes.Touch(address, pages, Native.PageSize);
            Native.Protect(address, (nuint)(pages / 2 * Native.PageSize), Native.ProtRead);
            Native.Unmap(address, length);
            Native.Protect(wall, wallLength, isForbidden ? Native.ProtNone : Native.ProtRead | Native.ProtWrite);
        }
    }
}

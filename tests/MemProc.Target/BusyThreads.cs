namespace MemProc.Target;

/// <summary>Threads that keep changing memory while tests read it.</summary>
internal sealed class BusyThreads
{
    /// <summary>Pages of the range in which <see cref="Churn"/> maps and unmaps.</summary>
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
    /// Starts a thread that keeps mapping, touching, splitting and unmapping memory. Its range is empty, then one
    /// read-write mapping of <see cref="MinPages"/> pages or more, then two mappings of which the first has become
    /// read-only.
    /// </summary>
    /// <param name="address">Start of the range; it has <see cref="ChurnedPages"/> pages.</param>
    /// <param name="wall">Start of memory that loses all access in one call, and regains it in the next.</param>
    /// <param name="length">Its length in bytes; 0 for none.</param>
    public void Churn(nint address, nint wall, nuint length) => Start(() => MapAndUnmap(address, wall, length));

    /// <summary>Starts a thread that repeatedly starts another thread and waits for its exit.</summary>
    public void Breed() => Start(StartAndEnd);

    /// <summary>Stops the threads and waits for their exit.</summary>
    /// <returns>The number of threads.</returns>
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

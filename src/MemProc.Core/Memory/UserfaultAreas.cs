namespace MemProc;

/// <summary>
/// The mappings of a process whose missing pages a handler supplies, by userfaultfd(2). Only smaps shows them, whose
/// read walks the whole page table, so they are read when a page could not be read otherwise.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the read.</param>
internal sealed class UserfaultAreas(LinuxProcess process, CancellationToken cancellation)
{
    /// <summary>How long the list counts as current where it does not contain an address.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);

    private readonly Lock _reading = new();
    private (AddressRange Range, MapTraits Traits)[] _areas = [];
    private long? _time;

    /// <summary>Returns whether a handler supplies the page of an address. False where smaps cannot be read.</summary>
    /// <param name="address">The address.</param>
    /// <param name="traits">What the handler does: supplies pages, or decides about writes.</param>
    public bool Contain(ulong address, MapTraits traits)
    {
        lock (_reading)
        {
            bool isFound = IsListed(address, traits);
            if (!isFound && (_time is not long time || Environment.TickCount64 - time > MaxAge.TotalMilliseconds))
            {
                Read();
                isFound = IsListed(address, traits);
            }

            return isFound;
        }
    }

    private bool IsListed(ulong address, MapTraits traits) => Array.Exists(_areas,
        area => area.Range.Start <= address && address < area.Range.End && (area.Traits & traits) != 0);

    private void Read()
    {
        try
        {
            _areas = [.. MapWithTraits.Read(process, cancellation)
                .Where(map => (map.Traits & (MapTraits.Userfault | MapTraits.UserfaultWrite)) != 0)
                .Select(map => (new AddressRange(map.Map.Start, map.Map.End), map.Traits))];
        }
        catch (MemProcException)
        {
            // What fails because the process has exited fails in the read, too.
            _areas = [];
        }

        _time = Environment.TickCount64;
    }
}

namespace MemProc;

/// <summary>The parts of a range that are read: all of it, or the pages in memory. Used in address order.</summary>
internal sealed class ReadableRanges(ulong end, IEnumerable<AddressRange>? resident) : IDisposable
{
    private readonly IEnumerator<AddressRange>? _resident = resident?.GetEnumerator();
    private AddressRange _current;

    /// <summary>First address after the range.</summary>
    public ulong End => end;

    /// <summary>
    /// Returns the next range to read that ends after an address, starting at that address at the earliest.
    /// </summary>
    public (ulong Start, ulong End) From(ulong address)
    {
        if (_resident is null)
        {
            return (address, end);
        }

        while (_current.End <= address)
        {
            _current = _resident.MoveNext() ? _resident.Current : new AddressRange(end, ulong.MaxValue);
        }

        return (Math.Max(address, _current.Start), Math.Min(_current.End, end));
    }

    public void Dispose() => _resident?.Dispose();
}

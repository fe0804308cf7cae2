namespace MemProc;

/// <summary>A pointer: where it is, and what it holds.</summary>
internal readonly record struct PointerNode(ulong Address, ulong Target);

/// <summary>
/// The pointers that lead to an address by one number of steps, in address order. They are kept in pieces, so that no array
/// is copied as it grows.
/// </summary>
internal sealed class PointerLevel
{
    /// <summary>Bits of the filter: 1 MiB, which stays in the cache of a processor.</summary>
    private const int FilterBits = 1 << 23;

    private readonly List<PointerNode[]> _pieces = [];
    private readonly List<long> _starts = [];
    private readonly ulong[] _filter = new ulong[FilterBits / 64];
    private ulong _maxOffset;
    private ulong _low = ulong.MaxValue;
    private ulong _high;

    /// <summary>Number of pointers.</summary>
    public long Count { get; private set; }

    /// <summary>Adds pointers, whose addresses follow those before.</summary>
    public void Add(PointerNode[] nodes)
    {
        if (nodes.Length > 0)
        {
            _pieces.Add(nodes);
            _starts.Add(Count);
            Count += nodes.Length;
        }
    }

    /// <summary>Whether the pointers were dropped.</summary>
    public bool IsDropped { get; private set; }

    /// <summary>Drops the pointers, which exceed the memory.</summary>
    public void Drop()
    {
        _pieces.Clear();
        _starts.Clear();
        Count = 0;
        IsDropped = true;
    }

    /// <summary>Prepares <see cref="IsNear"/>.</summary>
    /// <param name="maxOffset">Maximum number of bytes from a pointer's target to one of these.</param>
    public void Index(ulong maxOffset)
    {
        _maxOffset = maxOffset;
        foreach (PointerNode[] piece in _pieces)
        {
            foreach (PointerNode node in piece)
            {
                ulong from = node.Address - Math.Min(maxOffset, node.Address);
                _low = Math.Min(_low, from);
                _high = Math.Max(_high, node.Address);
                for (ulong page = from >> 12; page <= node.Address >> 12; page++)
                {
                    uint bit = Bit(page);
                    _filter[bit >> 6] |= 1UL << (int)(bit & 63);
                }
            }
        }
    }

    /// <summary>Whether one of these is at most the maximum offset after an address.</summary>
    public bool IsNear(ulong address)
    {
        if (address < _low || address > _high)
        {
            return false;
        }

        uint bit = Bit(address >> 12);
        return (_filter[bit >> 6] >> (int)(bit & 63) & 1) != 0
            && FirstFrom(address) is long first && first < Count && this[first].Address - address <= _maxOffset;
    }

    /// <summary>Returns the pointers that are at most the maximum offset after an address, in address order.</summary>
    public IEnumerable<PointerNode> Near(ulong address)
    {
        for (long index = FirstFrom(address); index < Count && this[index] is var node && node.Address - address <= _maxOffset;
            index++)
        {
            yield return node;
        }
    }

    /// <summary>Returns all of them.</summary>
    public IEnumerable<PointerNode> All() => _pieces.SelectMany(piece => piece);

    private PointerNode this[long index]
    {
        get
        {
            int piece = _starts.BinarySearch(index);
            piece = piece >= 0 ? piece : ~piece - 1;
            return _pieces[piece][index - _starts[piece]];
        }
    }

    /// <summary>Returns the index of the first pointer at or after an address.</summary>
    private long FirstFrom(ulong address)
    {
        int low = 0, high = _pieces.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _pieces[middle][^1].Address < address ? (middle + 1, high) : (low, middle);
        }

        if (low == _pieces.Count)
        {
            return Count;
        }

        PointerNode[] piece = _pieces[low];
        int first = 0, last = piece.Length - 1;
        while (first < last)
        {
            int middle = (first + last) / 2;
            (first, last) = piece[middle].Address < address ? (middle + 1, last) : (first, middle);
        }

        return _starts[low] + first;
    }

    private static uint Bit(ulong page) => (uint)(page * 0x9e37_79b9_7f4a_7c15 >> (64 - 23));
}

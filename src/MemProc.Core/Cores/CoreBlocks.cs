namespace MemProc;

/// <summary>
/// Notes with runs of pages or frames, each decoded when it is needed: a core of a large process has many. Safe on several
/// threads.
/// </summary>
/// <typeparam name="T">A run.</typeparam>
/// <param name="source">The bytes of the core.</param>
/// <param name="decode">Decodes a note.</param>
internal sealed class CoreBlocks<T>(ElfSource source, Func<byte[], T[]> decode)
{
    /// <summary>Decoded notes that are kept: those that neighbors, and the threads of one walk, use.</summary>
    private const int KeptBlocks = 16;

    private readonly Lock _lock = new();
    private readonly List<Block> _blocks = [];
    private readonly Dictionary<int, T[]> _decoded = [];
    private readonly Queue<int> _order = [];

    /// <summary>The first number after what the notes cover.</summary>
    public ulong End => _blocks.Count == 0 ? 0 : _blocks[^1].End;

    /// <summary>Number of notes.</summary>
    public int Count => _blocks.Count;

    /// <summary>Adds a note. One that is out of order is malformed, and left out.</summary>
    public void Add(ulong first, ulong end, ulong offset, ulong length)
    {
        if (first >= End && first < end && CorePageFormat.IsBlock(length))
        {
            _blocks.Add(new Block(first, end, offset, (int)length));
        }
    }

    /// <summary>Returns the index of the first note that ends after a number.</summary>
    public int IndexAfter(ulong number)
    {
        int low = 0;
        for (int high = _blocks.Count; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = _blocks[middle].End > number ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    /// <summary>Returns the range that a note covers.</summary>
    public (ulong First, ulong End) RangeOf(int index) => (_blocks[index].First, _blocks[index].End);

    /// <summary>Returns the runs of a note in ascending order.</summary>
    /// <exception cref="MemProcException">ReadElf: the file cannot be read.</exception>
    public T[] RunsOf(int index)
    {
        lock (_lock)
        {
            if (_decoded.TryGetValue(index, out T[]? runs))
            {
                return runs;
            }
        }

        Block block = _blocks[index];
        byte[] content = new byte[block.Length];
        // A part of a note, where the file has become shorter since it was opened, is decoded as far as it reaches.
        int read = source.Read(block.Offset, content);
        T[] decoded = read >= CorePageFormat.RangeBytes ? decode(read == content.Length ? content : content[..read]) : [];
        lock (_lock)
        {
            if (_decoded.TryAdd(index, decoded))
            {
                _order.Enqueue(index);
                if (_order.Count > KeptBlocks)
                {
                    _decoded.Remove(_order.Dequeue());
                }
            }
        }

        return decoded;
    }

    private readonly record struct Block(ulong First, ulong End, ulong Offset, int Length);
}

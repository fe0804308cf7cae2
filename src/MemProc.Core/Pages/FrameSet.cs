using System.Numerics;

namespace MemProc;

/// <summary>
/// A set of frame numbers, a bit each in blocks where some are: it takes less than a 20,000th of the machine's memory.
/// </summary>
internal sealed class FrameSet
{
    private const int WordFrames = 64;
    private const int BlockWords = PresentFrames.PieceFrames / WordFrames;
    private const ulong BlockFrames = WordFrames * BlockWords;

    private readonly SortedDictionary<ulong, ulong[]> _blocks = [];
    private ulong _lastKey = ulong.MaxValue;
    private ulong[]? _lastBlock;

    /// <summary>Adds a frame.</summary>
    public void Add(ulong pfn)
    {
        if (Block(pfn) is not ulong[] block)
        {
            block = new ulong[BlockWords];
            _blocks.Add(pfn / BlockFrames, block);
            _lastBlock = block;
        }

        block[pfn % BlockFrames / WordFrames] |= 1UL << (int)(pfn % WordFrames);
    }

    /// <summary>Whether a frame is in the set.</summary>
    public bool Contains(ulong pfn) =>
        Block(pfn) is ulong[] block && (block[pfn % BlockFrames / WordFrames] & 1UL << (int)(pfn % WordFrames)) != 0;

    /// <summary>All frames in rising order, in pieces; the memory is used again for the next piece.</summary>
    public IEnumerable<ReadOnlyMemory<ulong>> Pieces()
    {
        ulong[] piece = new ulong[BlockFrames];
        foreach ((ulong key, ulong[] block) in _blocks)
        {
            int count = 0;
            for (int index = 0; index < BlockWords; index++)
            {
                ulong first = key * BlockFrames + (ulong)(index * WordFrames);
                for (ulong rest = block[index]; rest != 0; rest &= rest - 1)
                {
                    piece[count++] = first + (ulong)BitOperations.TrailingZeroCount(rest);
                }
            }

            yield return piece.AsMemory(0, count);
        }
    }

    private ulong[]? Block(ulong pfn)
    {
        ulong key = pfn / BlockFrames;
        if (key != _lastKey)
        {
            // Frames come in stretches: the block of the last one is asked for most.
            _lastKey = key;
            _lastBlock = _blocks.GetValueOrDefault(key);
        }

        return _lastBlock;
    }
}

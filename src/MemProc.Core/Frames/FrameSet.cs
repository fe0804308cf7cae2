using System.Numerics;
using System.Runtime.CompilerServices;

namespace MemProc;

/// <summary>
/// A set of frame numbers, a bit each in blocks where some are: it takes less than a 20,000th of the machine's memory.
/// </summary>
internal sealed class FrameSet
{
    /// <summary>
    /// Frames of a block. The kernel visits the page tables of every process that maps each of them when they are
    /// marked as idle, and Ctrl-C waits for one block.
    /// </summary>
    public const int BlockFrames = 4096;

    private const int WordFrames = 64;

    private readonly Dictionary<ulong, ulong[]> _blocks = [];
    private ulong _lastKey = ulong.MaxValue;
    private ulong[]? _lastBlock;

    /// <summary>The keys of all blocks that hold frames, in rising order.</summary>
    public IEnumerable<ulong> Blocks => _blocks.Keys.Order();

    /// <summary>Adds a frame.</summary>
    /// <returns>False: it was in the set.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Add(ulong pfn)
    {
        if (Block(pfn) is not ulong[] block)
        {
            block = new ulong[BlockFrames / WordFrames];
            _blocks.Add(pfn / BlockFrames, block);
            _lastBlock = block;
        }

        ref ulong word = ref block[pfn % BlockFrames / WordFrames];
        ulong before = word;
        word |= 1UL << (int)(pfn % WordFrames);
        return word != before;
    }

    /// <summary>Adds the frames of another set, which is not used afterwards.</summary>
    /// <param name="other">The other set.</param>
    /// <param name="known">Told of each frame that is in both.</param>
    public void Add(FrameSet other, Action<ulong> known)
    {
        _lastKey = ulong.MaxValue;
        foreach ((ulong key, ulong[] added) in other._blocks)
        {
            if (!_blocks.TryGetValue(key, out ulong[]? block))
            {
                _blocks.Add(key, added);
                continue;
            }

            for (int index = 0; index < block.Length; index++)
            {
                ulong first = key * BlockFrames + (ulong)(index * WordFrames);
                for (ulong both = block[index] & added[index]; both != 0; both &= both - 1)
                {
                    known(first + (ulong)BitOperations.TrailingZeroCount(both));
                }

                block[index] |= added[index];
            }
        }
    }

    /// <summary>Whether a frame is in the set.</summary>
    public bool Contains(ulong pfn) =>
        Block(pfn) is ulong[] block && (block[pfn % BlockFrames / WordFrames] & 1UL << (int)(pfn % WordFrames)) != 0;

    /// <summary>The frames of a block in rising order. Several threads can ask while none adds.</summary>
    /// <param name="key">The block.</param>
    /// <param name="pfns">Where they go: room for <see cref="BlockFrames"/>.</param>
    /// <returns>How many there are.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int CopyBlock(ulong key, Span<ulong> pfns)
    {
        ulong[] block = _blocks[key];
        int count = 0;
        for (int index = 0; index < block.Length; index++)
        {
            ulong first = key * BlockFrames + (ulong)(index * WordFrames);
            for (ulong rest = block[index]; rest != 0; rest &= rest - 1)
            {
                pfns[count++] = first + (ulong)BitOperations.TrailingZeroCount(rest);
            }
        }

        return count;
    }

    /// <summary>All frames in rising order, in pieces; the memory is used again for the next piece.</summary>
    public IEnumerable<ReadOnlyMemory<ulong>> Pieces()
    {
        ulong[] piece = new ulong[BlockFrames];
        foreach (ulong key in Blocks)
        {
            yield return piece.AsMemory(0, CopyBlock(key, piece));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
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

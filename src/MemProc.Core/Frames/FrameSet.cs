using System.Numerics;
using System.Runtime.CompilerServices;

namespace MemProc;

/// <summary>
/// A set of frame numbers, with one bit for each in blocks that are not empty. It needs less than a 20,000th of the
/// machine's memory.
/// </summary>
internal sealed class FrameSet
{
    /// <summary>
    /// Frames of a block. To mark a frame as idle the kernel visits the page tables of every process that maps it, and
    /// Ctrl-C waits for one block.
    /// </summary>
    public const int BlockFrames = 4096;

    private const int FramesPerWord = 64;

    private readonly Dictionary<ulong, ulong[]> _blocks;
    private ulong _lastKey = ulong.MaxValue;
    private ulong[]? _lastBlock;

    /// <summary>Creates an empty set.</summary>
    public FrameSet()
        : this([])
    {
    }

    private FrameSet(Dictionary<ulong, ulong[]> blocks) => _blocks = blocks;

    /// <summary>The keys of all blocks that are not empty, in ascending order.</summary>
    public IEnumerable<ulong> Blocks => _blocks.Keys.Order();

    /// <summary>Number of blocks that are not empty.</summary>
    public int BlockCount => _blocks.Count;

    /// <summary>Adds a frame.</summary>
    /// <returns>False where it was in the set already.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Add(ulong pfn)
    {
        if (Block(pfn) is not ulong[] block)
        {
            block = new ulong[BlockFrames / FramesPerWord];
            _blocks.Add(pfn / BlockFrames, block);
            _lastBlock = block;
        }

        ref ulong word = ref block[pfn % BlockFrames / FramesPerWord];
        ulong before = word;
        word |= 1UL << (int)(pfn % FramesPerWord);
        return word != before;
    }

    /// <summary>Adds the frames of another set, which must not be used afterwards.</summary>
    /// <param name="other">The other set.</param>
    /// <param name="known">Called for each frame that is in both.</param>
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
                ulong first = key * BlockFrames + (ulong)(index * FramesPerWord);
                for (ulong both = block[index] & added[index]; both != 0; both &= both - 1)
                {
                    known(first + (ulong)BitOperations.TrailingZeroCount(both));
                }

                block[index] |= added[index];
            }
        }
    }

    /// <summary>Returns the same frames, for another thread. None may be added from then on.</summary>
    public FrameSet View() => new(_blocks);

    /// <summary>Returns whether a frame is in the set. An instance serves one thread at a time.</summary>
    public bool Contains(ulong pfn) =>
        Block(pfn) is ulong[] block && (block[pfn % BlockFrames / FramesPerWord] & 1UL << (int)(pfn % FramesPerWord)) != 0;

    /// <summary>Copies the frames of a block in ascending order. Safe on several threads while none adds.</summary>
    /// <param name="key">The block.</param>
    /// <param name="pfns">Receives them: <see cref="BlockFrames"/> elements.</param>
    /// <returns>The number of frames.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int CopyBlock(ulong key, Span<ulong> pfns)
    {
        ulong[] block = _blocks[key];
        int count = 0;
        for (int index = 0; index < block.Length; index++)
        {
            ulong first = key * BlockFrames + (ulong)(index * FramesPerWord);
            for (ulong rest = block[index]; rest != 0; rest &= rest - 1)
            {
                pfns[count++] = first + (ulong)BitOperations.TrailingZeroCount(rest);
            }
        }

        return count;
    }

    /// <summary>Returns all frames in ascending order, in chunks that the next chunk overwrites.</summary>
    public IEnumerable<ReadOnlyMemory<ulong>> Chunks()
    {
        ulong[] chunk = new ulong[BlockFrames];
        foreach (ulong key in Blocks)
        {
            yield return chunk.AsMemory(0, CopyBlock(key, chunk));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong[]? Block(ulong pfn)
    {
        ulong key = pfn / BlockFrames;
        if (key != _lastKey)
        {
            // Frames come in runs: most are in the block of the last one.
            _lastKey = key;
            _lastBlock = _blocks.GetValueOrDefault(key);
        }

        return _lastBlock;
    }
}

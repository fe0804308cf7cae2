namespace MemProc;

/// <summary>
/// Which frame followed which in the address space where both were searched first: four bytes a frame. A match can span two
/// frames that follow each other in one process only.
/// </summary>
internal sealed class FrameSuccessors
{
    private const int BlockFrames = 4096;

    private readonly Dictionary<ulong, uint[]> _blocks = [];

    /// <summary>Returns whether the end of the first frame was searched together with the start of the second.</summary>
    /// <remarks>The first pair of a frame is remembered; others are searched each time.</remarks>
    public bool IsKnown(ulong first, ulong second)
    {
        if (!_blocks.TryGetValue(first / BlockFrames, out uint[]? block))
        {
            _blocks[first / BlockFrames] = block = new uint[BlockFrames];
        }

        ref uint known = ref block[first % BlockFrames];
        // 0 stands for none; frame numbers of 32 bits are those of 16 TiB.
        uint next = second < uint.MaxValue ? (uint)second + 1 : 0;
        if (known == 0)
        {
            known = next;
            return false;
        }

        return known == next;
    }
}

using System.Runtime.CompilerServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds where folios begin and end, by the flags of the frames around. Frames are read in aligned windows of as many as a
/// page table maps, of which the last one is kept: neighbors are asked about one after the other.
/// </summary>
/// <param name="tables">The frame tables.</param>
internal sealed class FolioExtents(FrameTables tables)
{
    private static readonly ulong WindowFrames = MachinePage.SizeBytes / sizeof(ulong);

    private readonly ulong[] _window = new ulong[WindowFrames];
    private ulong _first = ulong.MaxValue;
    private int _known;

    /// <summary>Returns whether a frame is a later one of a folio; false where the machine has no such frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsTail(ulong pfn)
    {
        ulong first = pfn & ~(WindowFrames - 1);
        if (first != _first)
        {
            _known = tables.ReadFlags(first, _window);
            _first = first;
        }

        ulong index = pfn - first;
        return index < (ulong)_known && new KernelPageFlagSet(_window[index]).IsCompoundTail;
    }

    /// <summary>Returns the number of frames of the folio that a frame is part of.</summary>
    public ulong FramesOf(ulong pfn)
    {
        ulong head = pfn;
        while (head > 0 && IsTail(head))
        {
            head--;
        }

        ulong end = pfn + 1;
        while (IsTail(end))
        {
            end++;
        }

        return end - head;
    }
}

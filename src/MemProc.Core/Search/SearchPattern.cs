using System.Numerics;

namespace MemProc;

/// <summary>What is searched for in memory.</summary>
public abstract class SearchPattern
{
    /// <summary>The longest match that a pattern can have, in bytes.</summary>
    public const int LongestBytes = 64 * 1024;

    /// <summary>The largest alignment that can be asked for, in bytes.</summary>
    public const int LargestAlignment = 4096;

    private protected SearchPattern(int longestMatch, int alignment)
    {
        if (!BitOperations.IsPow2(alignment) || alignment > LargestAlignment)
        {
            throw new ArgumentException(
                $"An alignment is a power of two from 1 to {LargestAlignment}, not {alignment}.", nameof(alignment));
        }

        LongestMatch = longestMatch;
        Alignment = alignment;
    }

    /// <summary>The bytes of the longest match.</summary>
    public int LongestMatch { get; }

    /// <summary>Matches begin at multiples of this, in bytes.</summary>
    public int Alignment { get; }

    /// <summary>What the matches are numbers of; null where they are none.</summary>
    public virtual MemoryValueType? Type => null;

    /// <summary>Bytes in front of a match that it depends on.</summary>
    internal virtual int LookBehind => 0;

    /// <summary>Matches are reported that begin within others.</summary>
    internal virtual bool CanOverlap => true;

    /// <summary>Finds matches that begin in a part of a window.</summary>
    /// <param name="piece">Whose buffer the window is in. It goes on behind the window for a match's length.</param>
    /// <param name="window">The window.</param>
    /// <param name="next">Where to begin; afterwards, where to go on if the room for matches is used up.</param>
    /// <param name="found">Gets the matches, in address order.</param>
    /// <returns>How many there are. Fewer than there is room for: all are found.</returns>
    internal abstract int Find(SearchPiece piece, in SearchWindow window, ref int next, Span<FoundMatch> found);

    /// <summary>What a match means: a number, a text, or null for mere bytes.</summary>
    internal abstract object? ValueOf(ReadOnlySpan<byte> bytes);

    /// <summary>The first offset from <paramref name="offset"/> on whose address is aligned.</summary>
    internal int Align(in SearchWindow window, int offset) =>
        offset + (int)((0 - window.AddressOf(offset)) & (ulong)(Alignment - 1));
}

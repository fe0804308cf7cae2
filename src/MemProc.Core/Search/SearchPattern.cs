using System.Numerics;

namespace MemProc;

/// <summary>What is searched for in memory.</summary>
public abstract class SearchPattern
{
    /// <summary>Maximum length of a match, in bytes.</summary>
    public const int MaxPatternBytes = 64 * 1024;

    /// <summary>Maximum alignment, in bytes.</summary>
    public const int MaxAlignment = 4096;

    private protected SearchPattern(int maxMatchLength, int alignment)
    {
        if (!BitOperations.IsPow2(alignment) || alignment > MaxAlignment)
        {
            throw new ArgumentException(
                $"{alignment} is not a valid alignment. Give a power of two from 1 to {MaxAlignment}.",
                nameof(alignment));
        }

        MaxMatchLength = maxMatchLength;
        Alignment = alignment;
    }

    /// <summary>Length of the longest possible match, in bytes.</summary>
    public int MaxMatchLength { get; }

    /// <summary>Matches begin at multiples of this, in bytes.</summary>
    public int Alignment { get; }

    /// <summary>Type of the numbers that match; null when the pattern is not about numbers.</summary>
    public virtual MemoryValueType? Type => null;

    /// <summary>Bytes before a match on which it depends.</summary>
    internal virtual int LookBehind => 0;

    /// <summary>Whether matches are reported that begin within others.</summary>
    internal virtual bool CanOverlap => true;

    /// <summary>Whether the bytes are needed when what was found in them is returned.</summary>
    internal virtual bool KeepsBytes => true;

    /// <summary>Finds matches that begin in a part of a window.</summary>
    /// <param name="chunk">The owner of the window's buffer, which extends past the window by the length of a match.</param>
    /// <param name="window">The window.</param>
    /// <param name="next">Offset at which to begin; on return, where to continue when there was no room left.</param>
    /// <param name="found">Receives the matches, in address order.</param>
    /// <returns>Number of matches. When there was room for more, the window is done.</returns>
    internal abstract int Find(SearchChunk chunk, in SearchWindow window, ref int next, Span<FoundMatch> found);

    /// <summary>Returns the number or the text that a match is; null when it is only bytes.</summary>
    internal abstract object? ValueOf(ReadOnlySpan<byte> bytes);

    /// <summary>Returns the first offset from <paramref name="offset"/> on whose address is aligned.</summary>
    internal int Align(in SearchWindow window, int offset) =>
        offset + (int)((0 - window.AddressOf(offset)) & (ulong)(Alignment - 1));
}

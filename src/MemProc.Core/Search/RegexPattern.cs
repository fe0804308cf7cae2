using System.Text;
using System.Text.RegularExpressions;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// A regular expression over bytes: each byte is the character of the same number (Latin-1). Matches do not overlap,
/// and empty ones do not count. An expression sees as much behind the beginning of a match as the longest match has
/// bytes, and a little of what is in front of it, so that what is found does not depend on how memory is read.
/// </summary>
public sealed class RegexPattern : SearchPattern
{
    /// <summary>The longest match unless another one is asked for, in bytes.</summary>
    public const int UsualLongestMatch = 4096;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Regex _regex;

    /// <summary>Prepares a pattern.</summary>
    /// <param name="expression">The expression, as .NET has them.</param>
    /// <param name="ignoreCase">Upper and lower case letters are alike.</param>
    /// <param name="longestMatch">The longest match, in bytes.</param>
    /// <exception cref="ArgumentException">A fault in the expression, or an impossible longest match.</exception>
    public RegexPattern(string expression, bool ignoreCase = false, int longestMatch = UsualLongestMatch)
        : base(longestMatch, alignment: 1)
    {
        if (longestMatch is < 1 or > LongestBytes)
        {
            throw new ArgumentException($"The longest match has 1 to {LongestBytes} bytes.", nameof(longestMatch));
        }

        RegexOptions options = RegexOptions.CultureInvariant | RegexOptions.Compiled
            | (ignoreCase ? RegexOptions.IgnoreCase : RegexOptions.None);
        _regex = new Regex(expression, options, Patience);
    }

    /// <inheritdoc/>
    internal override int LookBehind => 256;

    /// <inheritdoc/>
    internal override bool CanOverlap => false;

    /// <inheritdoc/>
    internal override int Find(SearchPiece piece, in SearchWindow window, ref int next, Span<FoundMatch> found)
    {
        ReadOnlySpan<char> text = piece.Characters(window);
        int count = 0;
        try
        {
            while (next < window.To && count < found.Length)
            {
                (int start, int length) = Match(text, next - window.Start);
                start += window.Start;
                if (length < 0 || start >= window.To)
                {
                    next = window.To;
                    break;
                }

                if (length > 0)
                {
                    found[count++] = new FoundMatch(start, length);
                }

                next = start + Math.Max(length, 1);
            }
        }
        catch (RegexMatchTimeoutException)
        {
            ulong address = window.AddressOf(next);
            throw new MemProcException(Operation.SearchMemory, Errno.ETIMEDOUT,
                $"The expression took longer than {Patience.TotalSeconds} s on {HumanSize.Format((ulong)text.Length)} "
                + $"near 0x{address:x}. One that tries fewer ways to match is faster.", address);
        }

        return count;
    }

    /// <inheritdoc/>
    internal override object? ValueOf(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    /// <summary>The next match; its length is 0 where only an empty one is there, -1 where there is none.</summary>
    private (int Start, int Length) Match(ReadOnlySpan<char> text, int from)
    {
        (int start, int length) = First(text, from);
        if (length <= LongestMatch)
        {
            return (start, length);
        }

        // A longer one was only found because so much is in the window: how it ends when it sees no more than it may.
        (int same, length) = First(text[..(start + LongestMatch)], start);
        return (start, same == start ? length : 0);
    }

    private (int Start, int Length) First(ReadOnlySpan<char> text, int from)
    {
        foreach (ValueMatch match in _regex.EnumerateMatches(text, from))
        {
            return (match.Index, match.Length);
        }

        return (-1, -1);
    }
}

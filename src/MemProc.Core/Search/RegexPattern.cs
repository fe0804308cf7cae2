using System.Text;
using System.Text.RegularExpressions;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// A regular expression over bytes: each byte is the character of the same number (Latin-1). Matches do not overlap,
/// and empty ones are not reported. What an expression sees after the start of a match is limited to the maximum length,
/// and before it to 256 bytes, so that the result does not depend on how memory is divided.
/// </summary>
public sealed class RegexPattern : SearchPattern
{
    /// <summary>Default maximum length of a match, in bytes.</summary>
    public const int DefaultMaxMatchLength = 4096;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private readonly Regex _regex;

    /// <summary>Creates a pattern.</summary>
    /// <param name="expression">A .NET regular expression.</param>
    /// <param name="ignoreCase">Whether upper and lower case are the same.</param>
    /// <param name="maxMatchLength">Maximum length of a match, in bytes.</param>
    /// <exception cref="ArgumentException">The expression or the maximum length is not valid.</exception>
    public RegexPattern(string expression, bool ignoreCase = false, int maxMatchLength = DefaultMaxMatchLength)
        : base(maxMatchLength, alignment: 1)
    {
        if (maxMatchLength is < 1 or > MaxPatternBytes)
        {
            throw new ArgumentException($"The maximum length of a match is 1 to {MaxPatternBytes} bytes.", nameof(maxMatchLength));
        }

        RegexOptions options = RegexOptions.CultureInvariant | RegexOptions.Compiled
            | (ignoreCase ? RegexOptions.IgnoreCase : RegexOptions.None);
        _regex = new Regex(expression, options, Timeout);
    }

    /// <inheritdoc/>
    internal override int LookBehind => 256;

    /// <inheritdoc/>
    internal override bool CanOverlap => false;

    /// <inheritdoc/>
    internal override int Find(SearchChunk chunk, in SearchWindow window, ref int next, Span<FoundMatch> found)
    {
        ReadOnlySpan<char> text = chunk.Characters(window);
        int count = 0;
        try
        {
            while (next < window.To && count < found.Length)
            {
                // A match can take until its timeout, and there can be many.
                chunk.Stopped.ThrowIfCancellationRequested();
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
                $"The expression took longer than {Timeout.TotalSeconds} s on {HumanSize.Format((ulong)text.Length)} "
                + $"near 0x{address:x}. Use an expression with fewer nested repeats.", address);
        }

        return count;
    }

    /// <inheritdoc/>
    internal override object? ValueOf(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    /// <summary>Returns the next match; its length is 0 when it is empty, -1 when there is none.</summary>
    private (int Start, int Length) Match(ReadOnlySpan<char> text, int from)
    {
        (int start, int length) = First(text, from);
        if (length <= MaxMatchLength)
        {
            return (start, length);
        }

        // A longer match was only found because the window holds that much: match again within the maximum length.
        (int same, length) = First(text[..(start + MaxMatchLength)], start);
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

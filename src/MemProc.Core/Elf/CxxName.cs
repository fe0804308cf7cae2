using MemProc.Interop;

namespace MemProc;

/// <summary>Names of C++ as the compiler stores them, read by the C++ library's own reader.</summary>
public static class CxxName
{
    /// <summary>No name that a person reads is longer; the reader takes time that grows faster than the name.</summary>
    private const int LongestName = 16 * 1024;

    /// <summary>Letters that a name may stand for.</summary>
    private const long LongestText = 16 * 1024 * 1024;

    /// <summary>The name as programmers wrote it; null where it is none of C++, or no C++ library is there.</summary>
    public static string? Demangle(string name) =>
        name.StartsWith("_Z", StringComparison.Ordinal) && name.Length <= LongestName && !CanExplode(name)
            ? LibStdCxx.Demangle(name)
            : null;

    /// <summary>
    /// Whether a name can stand for more than memory holds: each reference to an earlier part (<c>S1_</c>, <c>T_</c>)
    /// can double what there is so far, and a few dozen make terabytes. A part is no longer than all was when it was
    /// first referred to; only that is known without reading the name as the C++ library does.
    /// </summary>
    private static bool CanExplode(string name)
    {
        Dictionary<string, long> parts = [];
        int certainFrom = 0;
        long length = name.Length;
        for (int at = 2; at < name.Length && length <= LongestText; at++)
        {
            if (char.IsAsciiDigit(name[at]))
            {
                // Perhaps the length of a word that follows. What looks like a reference in there need not be one.
                certainFrom = Math.Max(certainFrom, EndOfWord(name, at));
            }

            if (name[at] is not ('S' or 'T') || Reference(name, at) is not string part)
            {
                continue;
            }

            // A parameter of a template can be another one each time.
            bool isKnown = parts.TryGetValue(part, out long known);
            if (!isKnown && part[0] == 'S' && at >= certainFrom)
            {
                parts.Add(part, length);
            }

            length += isKnown ? known : length;
        }

        return length > LongestText;
    }

    private static int EndOfWord(string name, int at)
    {
        int digits = at;
        while (digits < name.Length && digits - at < 5 && char.IsAsciiDigit(name[digits]))
        {
            digits++;
        }

        return digits + int.Parse(name.AsSpan(at, digits - at), provider: null);
    }

    private static string? Reference(string name, int at)
    {
        int end = at + 1;
        while (end < name.Length && (char.IsAsciiDigit(name[end]) || char.IsAsciiLetterUpper(name[end])))
        {
            end++;
        }

        return end < name.Length && name[end] == '_' ? name[at..end] : null;
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>Demangles C++ names, by the demangler of the C++ library.</summary>
public static class CxxName
{
    /// <summary>Letters of the longest name that is demangled; the time grows faster than the length.</summary>
    private const int MaxNameLength = 16 * 1024;

    /// <summary>Letters of the longest demangled name.</summary>
    private const long MaxDemangledLength = 16 * 1024 * 1024;

    /// <summary>Demangles a name; null where it is not a C++ name, or there is no C++ library.</summary>
    public static string? Demangle(string name) =>
        name.StartsWith("_Z", StringComparison.Ordinal) && name.Length <= MaxNameLength && !MayExpandHugely(name)
            ? LibStdCxx.Demangle(name)
            : null;

    /// <summary>
    /// Whether a name can demangle to more than memory holds: each reference to an earlier part (<c>S1_</c>, <c>T_</c>)
    /// can double the length so far, and a few dozen make terabytes. A part is at most as long as the whole was when the
    /// part was first referred to; nothing more is known without demangling.
    /// </summary>
    private static bool MayExpandHugely(string name)
    {
        Dictionary<string, long> tokens = [];
        int certainFrom = 0;
        long length = name.Length;
        for (int at = 2; at < name.Length && length <= MaxDemangledLength; at++)
        {
            if (char.IsAsciiDigit(name[at]))
            {
                // This can be the length of an identifier. What looks like a reference in it need not be one.
                certainFrom = Math.Max(certainFrom, EndOfWord(name, at));
            }

            if (name[at] is not ('S' or 'T') || Reference(name, at) is not string token)
            {
                continue;
            }

            // A template parameter (T_) can be another one each time.
            bool isKnown = tokens.TryGetValue(token, out long known);
            if (!isKnown && token[0] == 'S' && at >= certainFrom)
            {
                tokens.Add(token, length);
            }

            length += isKnown ? known : length;
        }

        return length > MaxDemangledLength;
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

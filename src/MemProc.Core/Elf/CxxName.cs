using MemProc.Interop;

namespace MemProc;

/// <summary>Names of C++ as the compiler stores them, read by the C++ library's own reader.</summary>
public static class CxxName
{
    /// <summary>No name that a person reads is longer; the reader takes time that grows faster than the name.</summary>
    private const int LongestName = 16 * 1024;

    /// <summary>The name as programmers wrote it; null where it is none of C++, or no C++ library is there.</summary>
    public static string? Demangle(string name) =>
        name.StartsWith("_Z", StringComparison.Ordinal) && name.Length <= LongestName
            ? LibStdCxx.Demangle(name)
            : null;
}

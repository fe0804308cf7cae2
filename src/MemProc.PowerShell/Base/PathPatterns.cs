using System.Management.Automation;
using MemProc.Interop;

namespace MemProc.PowerShell;

/// <summary>Tests paths of mappings by the patterns of -Path, and notes which of them match something.</summary>
internal sealed class PathPatterns
{
    private readonly Func<string, bool>[] _tests;
    private readonly string?[] _unmatched;
    private bool _isComplete;

    /// <summary>Takes the patterns of -Path.</summary>
    public PathPatterns(string[] patterns)
    {
        _tests = Array.ConvertAll(patterns, pattern => Wildcard.Paths([pattern]));
        _unmatched = Array.ConvertAll(patterns, pattern => IsLiteral(pattern) ? pattern : null);
    }

    /// <summary>Whether a path matches one of the patterns.</summary>
    public bool Matches(string path)
    {
        bool isMatch = false;
        for (int index = 0; index < _tests.Length; index++)
        {
            if (_tests[index](path))
            {
                isMatch = true;
                _unmatched[index] = null;
            }
        }

        return isMatch;
    }

    /// <summary>Notes that all mappings of a process were looked at.</summary>
    public void Complete() => _isComplete = true;

    /// <summary>Writes an error for each path without wildcards that no mapping has. Nothing where none was looked at.</summary>
    public void WriteUnmatched(MemProcCommand cmdlet)
    {
        foreach (string path in _isComplete ? _unmatched.OfType<string>() : [])
        {
            cmdlet.WriteError(new MemProcException(Operation.FindMap, Errno.ENOENT,
                $"No selected mapping has the path '{SafeText.Escape(path)}'. Use wildcards to match a part of a path.", path));
        }
    }

    /// <summary>Whether a pattern is a path, or a name of the kernel such as <c>[heap]</c>.</summary>
    private static bool IsLiteral(string pattern) => !WildcardPattern.ContainsWildcardCharacters(pattern)
        || (pattern.Length > 4 && pattern[0] == '[' && pattern[^1] == ']' && !pattern.AsSpan(1, pattern.Length - 2).ContainsAny("*?[]"));
}

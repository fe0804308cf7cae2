using System.IO.Enumeration;

namespace MemProc;

/// <summary>Selects mappings by path, permissions and kind.</summary>
public sealed class MapFilter
{
    private readonly string[] _permissions = [];

    /// <summary>Decides by path; null: every path.</summary>
    public Func<string, bool>? Path { get; init; }

    /// <summary>
    /// Patterns for the four letters, of which one has to match: <c>r-xp</c>, <c>?w??</c>, <c>*x*</c>. A pattern of
    /// three letters matches private and shared mappings. Empty: any permissions.
    /// </summary>
    /// <exception cref="ArgumentException">A pattern cannot match any permissions.</exception>
    public IReadOnlyList<string> Permissions
    {
        get => _permissions;
        init => _permissions = [.. value.Select(Normalize)];
    }

    /// <summary>Kinds; empty: every kind.</summary>
    public IReadOnlyList<ProcMapKind> Kinds { get; init; } = [];

    /// <summary>Only mappings of files that were deleted or replaced.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>Only mappings that are writable and executable.</summary>
    public bool IsWritableExecutable { get; init; }

    /// <summary>
    /// Creates a test of paths for one pattern. A pattern without a slash is matched against the file name; one that is
    /// literally the path, such as <c>[heap]</c>, matches that path.
    /// </summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="matches">Matches a path or a file name by the wildcards of the pattern.</param>
    public static Func<string, bool> PathPredicate(string pattern, Func<string, bool> matches) => pattern.Contains('/')
        ? path => path == pattern || matches(path)
        : path => path == pattern || matches(path.StartsWith('/') ? System.IO.Path.GetFileName(path) : path);

    /// <summary>Whether a mapping is selected.</summary>
    public bool Matches(ProcMap map) =>
        (Kinds.Count == 0 || Kinds.Contains(map.Kind))
        && (Path is null || Path(map.Path))
        && (_permissions.Length == 0 || MatchesPermissions(map.Permissions))
        && (!IsDeleted || map.IsDeleted)
        && (!IsWritableExecutable || (map.IsWritable && map.IsExecutable));

    private static string Normalize(string pattern)
    {
        string full = pattern.Length == 3 && !pattern.Contains('*') ? pattern + "?" : pattern;
        // All sixteen combinations: a pattern that matches none is a mistake.
        foreach (char r in "r-")
        {
            foreach (char w in "w-")
            {
                foreach (char x in "x-")
                {
                    if (FileSystemName.MatchesSimpleExpression(full, $"{r}{w}{x}p", ignoreCase: false)
                        || FileSystemName.MatchesSimpleExpression(full, $"{r}{w}{x}s", ignoreCase: false))
                    {
                        return full;
                    }
                }
            }
        }

        throw new ArgumentException(
            $"'{SafeText.Escape(pattern)}' matches no permissions. Permissions are four letters such as r-xp or rw-s; ? "
            + "matches one letter and * any number of them, and three letters match private and shared mappings.");
    }

    private bool MatchesPermissions(string permissions)
    {
        foreach (string pattern in _permissions)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, permissions, ignoreCase: false))
            {
                return true;
            }
        }

        return false;
    }
}

using System.IO.Enumeration;

namespace MemProc;

/// <summary>Which mappings are wanted.</summary>
public sealed class MapFilter
{
    private readonly string[] _permissions = [];

    /// <summary>Decides by path; null: every path.</summary>
    public Func<string, bool>? Path { get; init; }

    /// <summary>
    /// Patterns over the four letters, of which one must fit: <c>r-xp</c>, <c>?w??</c>, <c>*x*</c>. A pattern of
    /// three letters leaves the fourth open. Empty: any permissions.
    /// </summary>
    /// <exception cref="ArgumentException">A pattern can fit no permissions at all.</exception>
    public IReadOnlyList<string> Permissions
    {
        get => _permissions;
        init => _permissions = [.. value.Select(Normalize)];
    }

    /// <summary>Wanted kinds; empty: every kind.</summary>
    public IReadOnlyList<ProcMapKind> Kinds { get; init; } = [];

    /// <summary>
    /// A test for paths by one pattern. A pattern without a slash is held against the file name alone; one that is a
    /// path word for word, such as <c>[heap]</c>, fits that path.
    /// </summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="fits">What its wildcards mean.</param>
    public static Func<string, bool> PathRule(string pattern, Func<string, bool> fits) => pattern.Contains('/')
        ? path => path == pattern || fits(path)
        : path => path == pattern || fits(path.StartsWith('/') ? System.IO.Path.GetFileName(path) : path);

    /// <summary>Whether a mapping is wanted.</summary>
    public bool Matches(ProcMap map) =>
        (Kinds.Count == 0 || Kinds.Contains(map.Kind))
        && (Path is null || Path(map.Path))
        && (_permissions.Length == 0 || MatchesPermissions(map.Permissions));

    private static string Normalize(string pattern)
    {
        string full = pattern.Length == 3 && !pattern.Contains('*') ? pattern + "?" : pattern;
        // All sixteen there are: a pattern that fits none is a slip of the pen, not a question.
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
            $"'{SafeText.Escape(pattern)}' fits no permissions. They are four letters such as r-xp or rw-s; ? stands "
            + "for one letter and * for any number, three letters leave private or shared open.");
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

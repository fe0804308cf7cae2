namespace MemProc.Help;

/// <summary>
/// Collects problems of the pages and writes all of them at once, in MSBuild's form of errors.
/// </summary>
internal sealed class Problems
{
    private readonly List<(string File, int Line, string Message)> _found = [];

    /// <summary>There are problems.</summary>
    public bool Any => _found.Count > 0;

    /// <summary>Adds a problem.</summary>
    /// <param name="file">The page.</param>
    /// <param name="line">The line, from 1.</param>
    /// <param name="message">What is wrong.</param>
    public void Add(string file, int line, string message) => _found.Add((file, line, message));

    /// <summary>Writes the problems, ordered by file and line.</summary>
    public void Write(TextWriter output)
    {
        foreach ((string file, int line, string message) in _found.OrderBy(problem => problem))
        {
            output.WriteLine($"{file}({line}): error HELP: {message}");
        }
    }
}

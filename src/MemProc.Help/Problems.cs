namespace MemProc.Help;

/// <summary>
/// What is wrong with the pages. All of it is told at once, in the form that MSBuild takes for errors.
/// </summary>
internal sealed class Problems
{
    private readonly List<(string File, int Line, string Message)> _found = [];

    public bool Any => _found.Count > 0;

    /// <summary>Keeps a problem.</summary>
    /// <param name="file">The page.</param>
    /// <param name="line">The line, from 1.</param>
    /// <param name="message">What is wrong.</param>
    public void Add(string file, int line, string message) => _found.Add((file, line, message));

    public void Write(TextWriter output)
    {
        foreach ((string file, int line, string message) in _found.OrderBy(problem => problem))
        {
            output.WriteLine($"{file}({line}): error HELP: {message}");
        }
    }
}

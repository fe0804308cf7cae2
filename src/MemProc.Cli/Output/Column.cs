namespace MemProc.Cli;

/// <summary>A column of a table.</summary>
/// <param name="Header">Its name.</param>
/// <param name="Width">Characters, as a composite format counts them: negative for text that begins at the left; 0
/// for the last column, which is as wide as it is.</param>
/// <param name="Cell">What it shows of an item, without control characters.</param>
internal sealed record Column<T>(string Header, int Width, Func<T, string> Cell)
{
    /// <summary>The same column for items that have more to say.</summary>
    public Column<TMore> For<TMore>()
        where TMore : T => new(Header, Width, item => Cell(item));
}

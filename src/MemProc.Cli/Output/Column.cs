namespace MemProc.Cli;

/// <summary>A column of a table.</summary>
/// <param name="Header">The heading.</param>
/// <param name="Width">Width in characters, as in a composite format: negative for left-aligned text, 0 for the last
/// column, which has no fixed width.</param>
/// <param name="Cell">Returns the text for an item, without control characters.</param>
internal sealed record Column<T>(string Header, int Width, Func<T, string> Cell)
{
    /// <summary>Returns the same column for a derived type of items.</summary>
    public Column<TMore> For<TMore>()
        where TMore : T => new(Header, Width, item => Cell(item));
}

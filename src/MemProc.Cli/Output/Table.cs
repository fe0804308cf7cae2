using System.Text;

namespace MemProc.Cli;

/// <summary>
/// A table that is written while its rows are found, so its columns have fixed widths. In JSON, a row is an object.
/// </summary>
/// <param name="output">Receives the rows.</param>
/// <param name="columns">The columns.</param>
internal sealed class Table<T>(Output output, Column<T>[] columns)
{
    private readonly StringBuilder _line = new(160);
    private bool _hasHeader;

    /// <summary>Adds a row.</summary>
    public void Add(T item)
    {
        if (output.IsJson)
        {
            output.WriteJson(item);
            return;
        }

        WriteHeader();
        WriteLine(column => column.Cell(item));
    }

    /// <summary>Adds rows as they arrive, until the cancellation.</summary>
    public void AddEach(IEnumerable<T> items, CancellationToken cancellation)
    {
        foreach (T item in items)
        {
            cancellation.ThrowIfCancellationRequested();
            Add(item);
        }
    }

    /// <summary>
    /// Ends the table. One without rows still shows its header, unless a failure left it empty.
    /// </summary>
    public void End()
    {
        if (!output.IsJson && !output.HasFailed)
        {
            WriteHeader();
        }
    }

    private void WriteHeader()
    {
        if (!_hasHeader)
        {
            _hasHeader = true;
            WriteLine(column => column.Header);
        }
    }

    private void WriteLine(Func<Column<T>, string> cell)
    {
        _line.Clear();
        foreach (Column<T> column in columns)
        {
            string text = cell(column);
            _line.Append(column.Width < 0 ? text.PadRight(-column.Width) : text.PadLeft(column.Width)).Append(' ');
        }

        output.WriteLine(_line.ToString().TrimEnd(' '));
    }
}

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

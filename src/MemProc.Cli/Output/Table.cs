using System.Text;

namespace MemProc.Cli;

/// <summary>
/// A table that is written while its rows are found, so its widths are fixed; in JSON, an object a row.
/// </summary>
/// <param name="output">Where it goes.</param>
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

    /// <summary>
    /// Ends the table: one without rows still shows its header, unless it is a failure that left it empty.
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

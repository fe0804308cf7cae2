using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Cli;

/// <summary>
/// Writes results to standard output, as text or JSON lines, and everything else to standard error.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification =
    "Standard output belongs to the whole program, and disposing it would write again what its reader refused.")]
internal sealed class Output
{
    private const int BufferBytes = 64 * 1024;
    private const int StandardOutput = 1;

    private readonly BufferedStream _stream = new(Open(), BufferBytes);
    private readonly StreamWriter _text;
    private readonly CancellationToken _cancellation;
    private readonly HashSet<string> _warnings = [];

    // On a terminal each line appears at once.
    private readonly bool _flushesLines = !Console.IsOutputRedirected;

    /// <summary>Opens standard output.</summary>
    /// <param name="isJson">Results are written as JSON lines.</param>
    /// <param name="cancellation">Ends a table after the current row.</param>
    public Output(bool isJson, CancellationToken cancellation)
    {
        IsJson = isJson;
        _cancellation = cancellation;
        _text = new StreamWriter(_stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false))
        {
            AutoFlush = _flushesLines,
            NewLine = "\n",
        };
    }

    /// <summary>Results are written as JSON lines.</summary>
    public bool IsJson { get; }

    /// <summary>Something has failed.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Writes a line of text.</summary>
    /// <param name="line">The line, without control characters.</param>
    public void WriteLine(string line) => _text.WriteLine(line);

    /// <summary>Writes an object as a JSON line.</summary>
    public void WriteJson<T>(T item)
    {
        JsonLine.Write(_stream, item);
        if (_flushesLines)
        {
            _stream.Flush();
        }
    }

    /// <summary>Writes one result.</summary>
    /// <param name="item">The result, for JSON.</param>
    /// <param name="line">The same as a line of text, without control characters.</param>
    public void Write<T>(T item, string line)
    {
        if (IsJson)
        {
            WriteJson(item);
        }
        else
        {
            WriteLine(line);
        }
    }

    /// <summary>Writes results as the rows of a table, each as soon as it is available.</summary>
    public void WriteTable<T>(Column<T>[] columns, IEnumerable<T> items)
    {
        Table<T> table = BeginTable(columns);
        table.AddEach(items, _cancellation);
        table.End();
    }

    /// <summary>Begins a table whose rows are added one by one.</summary>
    public Table<T> BeginTable<T>(Column<T>[] columns) => new(this, columns);

    /// <summary>Writes bytes as they are.</summary>
    public void WriteBytes(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

    /// <summary>Flushes what has been written so far.</summary>
    public void Flush() => _text.Flush();

    /// <summary>Runs one piece of the work. A failure in it is reported and does not stop the others.</summary>
    public void ReportErrors(Action work)
    {
        try
        {
            work();
        }
        catch (MemProcException error)
        {
            Fail(error.CanBeForced ? $"{error.Message} Use --force to do it."
                : error.IsAccessRefused ? $"{error.Message} 'memproc access {error.ProcessId?.ToString(CultureInfo.InvariantCulture) ?? "self"}' shows what is possible."
                : error.Message);
        }
    }

    /// <summary>Writes a warning, once however often it applies.</summary>
    public void WarnOnce(string message)
    {
        if (_warnings.Add(message))
        {
            Warn(message);
        }
    }

    /// <summary>Reports a failure, after the results so far.</summary>
    public void Fail(string message)
    {
        HasFailed = true;
        Warn(message);
    }

    /// <summary>Writes a message to standard error, after the results so far.</summary>
    public void Warn(string message)
    {
        _text.Flush();
        Console.Error.WriteLine($"memproc: {message}");
    }

    /// <summary>Warns, once, where processes are stopped on a .NET runtime that MemProc does not know.</summary>
    public void WarnBeforeStop()
    {
        if (ProcessStop.TakeRuntimeWarning() is string warning)
        {
            Warn(warning);
        }
    }

    /// <summary>Reports that standard output itself failed. What it had buffered is lost.</summary>
    public void DiscardOutput(Exception error)
    {
        HasFailed = true;
        Console.Error.WriteLine($"memproc: standard output: {SafeText.Escape(error.Message)}");
    }

    /// <summary>
    /// Opens standard output. The console's own stream hides that the reader of a pipe has closed it, and a search would
    /// continue for nothing. A file stream keeps an offset of its own, and two commands that share a file would overwrite
    /// each other. So pipes get a file stream, and files the console's stream.
    /// </summary>
    private static Stream Open()
    {
        if (Console.IsOutputRedirected)
        {
            FileStream direct = new(
                new SafeFileHandle(StandardOutput, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            if (!direct.CanSeek)
            {
                return direct;
            }
        }

        return Console.OpenStandardOutput();
    }
}

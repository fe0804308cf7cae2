using System.Diagnostics.CodeAnalysis;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Cli;

/// <summary>
/// Where answers and failures go: answers to standard output as text or JSON lines, the rest to standard error.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification =
    "Standard output belongs to the whole program, and closing it would flush again what its reader refused.")]
internal sealed class Output
{
    private const int BufferBytes = 64 * 1024;
    private const int StandardOutput = 1;

    private readonly BufferedStream _stream = new(Open(), BufferBytes);
    private readonly StreamWriter _text;
    private readonly CancellationToken _cancellation;

    // A person waits for every line; a program for all of them.
    private readonly bool _flushesLines = !Console.IsOutputRedirected;

    /// <summary>Opens the outputs.</summary>
    /// <param name="isJson">Answers are JSON lines.</param>
    /// <param name="cancellation">Ends a table after the row that is being written.</param>
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

    /// <summary>Answers are JSON lines.</summary>
    public bool IsJson { get; }

    /// <summary>Something failed.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Writes a line for people.</summary>
    /// <param name="line">The line, without control characters.</param>
    public void WriteLine(string line) => _text.WriteLine(line);

    /// <summary>Writes a line for programs.</summary>
    public void WriteJson<T>(T item)
    {
        JsonLine.Write(_stream, item);
        if (_flushesLines)
        {
            _stream.Flush();
        }
    }

    /// <summary>Writes one answer.</summary>
    /// <param name="item">The answer, for programs.</param>
    /// <param name="line">The same for people, without control characters.</param>
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

    /// <summary>Writes answers as the rows of a table, each as soon as it is there.</summary>
    public void WriteTable<T>(Column<T>[] columns, IEnumerable<T> items)
    {
        Table<T> table = BeginTable(columns);
        foreach (T item in items)
        {
            _cancellation.ThrowIfCancellationRequested();
            table.Add(item);
        }

        table.End();
    }

    /// <summary>Begins a table whose rows come from several places.</summary>
    public Table<T> BeginTable<T>(Column<T>[] columns) => new(this, columns);

    /// <summary>Writes bytes as they are.</summary>
    public void WriteBytes(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

    /// <summary>Hands on what has been written so far.</summary>
    public void Flush() => _text.Flush();

    /// <summary>Tells that something failed, behind the answers so far.</summary>
    public void Fail(string message)
    {
        HasFailed = true;
        Tell(message);
    }

    /// <summary>Tells what a person should know and a program need not.</summary>
    public void Tell(string message)
    {
        _text.Flush();
        Console.Error.WriteLine($"memproc: {message}");
    }

    /// <summary>Warns, once, where processes are stopped on a .NET runtime that MemProc does not know.</summary>
    public void WarnBeforeStop()
    {
        if (ProcessStop.TakeRuntimeWarning() is string warning)
        {
            Tell(warning);
        }
    }

    /// <summary>Tells that standard output itself failed; what it still held is lost.</summary>
    public void Abandon(Exception error)
    {
        HasFailed = true;
        Console.Error.WriteLine($"memproc: standard output: {SafeText.Escape(error.Message)}");
    }

    /// <summary>
    /// Standard output. The console's own stream hides that a pipe's reader has gone, and a search would go on for
    /// nobody; a file stream keeps an offset of its own, and two commands that share a file would overwrite each
    /// other. So each gets what it is good at.
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

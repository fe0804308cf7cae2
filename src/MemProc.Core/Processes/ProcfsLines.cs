using MemProc.Interop;

namespace MemProc;

/// <summary>Reads a text file of a process line by line. Memory use does not depend on its length.</summary>
internal sealed class ProcfsLines : IDisposable
{
    private readonly TargetText _file;
    private readonly MemoryTarget _process;
    private readonly string _name;
    private readonly Operation _operation;
    private byte[] _buffer = new byte[64 * 1024];
    private int _lineStart;
    private int _lineEnd;
    private int _filled;
    private ulong _offset;

    public ProcfsLines(MemoryTarget process, string name, Operation operation)
    {
        _file = process.OpenText(name, operation);
        _process = process;
        _name = name;
        _operation = operation;
    }

    /// <summary>The current line, without its newline.</summary>
    public ReadOnlySpan<byte> Current => _buffer.AsSpan(_lineStart, _lineEnd - _lineStart);

    /// <summary>Advances to the next line; false at the end of the file.</summary>
    public bool MoveNext()
    {
        int start = _lineEnd == 0 && _offset == 0 ? 0 : _lineEnd + 1;
        while (true)
        {
            int length = start < _filled ? _buffer.AsSpan(start, _filled - start).IndexOf((byte)'\n') : -1;
            if (length >= 0)
            {
                _lineStart = start;
                _lineEnd = start + length;
                return true;
            }

            start = MoveToFront(start);
            if (!Fill())
            {
                // Every line of procfs ends with a newline; a rest without one would be a truncated line.
                return false;
            }
        }
    }

    public void Dispose() => _file.Dispose();

    private int MoveToFront(int start)
    {
        start = Math.Min(start, _filled);
        _filled -= start;
        _buffer.AsSpan(start, _filled).CopyTo(_buffer);
        if (_filled == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        return 0;
    }

    private bool Fill()
    {
        Errno errno = _file.TryRead(_buffer.AsSpan(_filled), _offset, out int read);
        if (errno is not (Errno.None or Errno.ESRCH))
        {
            throw _process.Failure(_operation, errno, $"{_name} cannot be read");
        }

        _filled += read;
        _offset += (ulong)read;
        return read > 0;
    }
}

using System.Text;

namespace MemProc;

/// <summary>
/// Finds sequences of printable characters in the memory of a process, as strings(1) does in files: ASCII, UTF-8 and
/// UTF-16 in one pass.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="minLength">Minimum number of characters, 1 to <see cref="MaxMinLength"/>.</param>
/// <param name="encoding">The encoding; null: all.</param>
/// <param name="cancellation">Stops the search.</param>
public sealed class StringSearch(
    MemoryTarget process, int minLength = StringSearch.DefaultMinLength, MemoryStringEncoding? encoding = null,
    CancellationToken cancellation = default)
{
    /// <summary>Minimum number of characters where nothing else is specified.</summary>
    public const int DefaultMinLength = 6;

    /// <summary>Maximum of the minimum number of characters.</summary>
    public const int MaxMinLength = 4096;

    /// <summary>Bytes of a string that are returned as text. Its length is not limited.</summary>
    public const int MaxTextBytes = 64 * 1024;

    private readonly OpenString?[] _open = new OpenString?[Enum.GetValues<MemoryStringEncoding>().Length];
    private SearchPass? _pass;

    /// <summary>Which memory is searched.</summary>
    public SearchRange Range { get; init; } = SearchRange.All;

    /// <inheritdoc cref="MemorySearch.Workers"/>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <inheritdoc cref="MemorySearch.ChunkBytes"/>
    public int ChunkBytes { get; init; } = 1024 * 1024;

    /// <inheritdoc cref="MemorySearch.Progress"/>
    public Action<SearchProgress>? Progress { get; init; }

    /// <inheritdoc cref="MemorySearch.Skips"/>
    public SearchSkips Skips => _pass?.Skips ?? default;

    /// <inheritdoc cref="MemorySearch.SearchedBytes"/>
    public ulong SearchedBytes => _pass?.SearchedBytes ?? 0;

    /// <summary>Returns which strings an encoding selects.</summary>
    /// <param name="encoding">ASCII, UTF-8 or UTF-16; null: all.</param>
    /// <exception cref="ArgumentException">Strings in that encoding are not searched for.</exception>
    public static MemoryStringEncoding? Select(Encoding? encoding) => encoding switch
    {
        null => null,
        ASCIIEncoding => MemoryStringEncoding.Ascii,
        UTF8Encoding => MemoryStringEncoding.Utf8,
        UnicodeEncoding { CodePage: 1200 } => MemoryStringEncoding.Utf16,
        _ => throw new ArgumentException($"Strings in {encoding.WebName} are not searched for. Specify ascii, utf-8 or utf-16, "
            + "or none of them for all three."),
    };

    /// <summary>Returns the strings as they are found, in address order. A long one follows those that begin in it.</summary>
    /// <inheritdoc cref="MemorySearch.Find" path="/exception"/>
    public IEnumerable<MemoryString> Find()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(minLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minLength, MaxMinLength);
        StringScanner scanner = new(encoding, minLength);
        SearchPass pass = new(process, Range, new StringPattern(), context: 0, cancellation)
        {
            Workers = Workers,
            ChunkBytes = ChunkBytes,
            Progress = Progress,
        };
        _pass = pass;
        Array.Clear(_open);
        foreach (SearchChunk chunk in pass.Run((chunk, stopped) => Scan(scanner, chunk, stopped)))
        {
            int map = 0;
            foreach (FoundString found in chunk.Strings)
            {
                foreach (MemoryString earlier in Close(found.Address))
                {
                    yield return earlier;
                }

                while (chunk.Maps[map].End <= found.Address)
                {
                    map++;
                }

                if (Add(found, chunk, chunk.Maps[map]) is MemoryString complete)
                {
                    yield return complete;
                }
            }
        }

        foreach (MemoryString last in Close(ulong.MaxValue))
        {
            yield return last;
        }

        process.ThrowIfExited(Operation.SearchMemory);
    }

    private static bool Scan(StringScanner scanner, SearchChunk chunk, CancellationToken stopped)
    {
        foreach (SearchWindow window in chunk.Windows)
        {
            stopped.ThrowIfCancellationRequested();
            scanner.Scan(chunk.Buffer, window, chunk.Strings);
        }

        chunk.KeepText(MaxTextBytes);
        return chunk.Strings.Count > 0;
    }

    /// <summary>Adds a string that was found. Returns it once nothing can follow, if it is long enough.</summary>
    private MemoryString? Add(in FoundString found, SearchChunk chunk, ProcMap map)
    {
        ref OpenString? open = ref _open[(int)found.Encoding];
        ReadOnlySpan<byte> bytes = chunk.TextOf(found, MaxTextBytes);
        if (open?.End == found.Address)
        {
            open.Append(found, bytes);
        }
        else if (found.ReachesEnd)
        {
            open = new OpenString(found, bytes, map);
        }
        else
        {
            return found.Characters >= minLength && found.IsComplete
                ? new MemoryString(process.Identity, map, found.Address, (ulong)found.Length, bytes, found.Encoding)
                : null;
        }

        if (found.ReachesEnd)
        {
            return null;
        }

        MemoryString? complete = Result(open);
        open = null;
        return complete;
    }

    /// <summary>Returns the strings that ended before an address, since nothing followed them.</summary>
    private IEnumerable<MemoryString> Close(ulong address)
    {
        for (int index = 0; index < _open.Length; index++)
        {
            if (_open[index] is OpenString open && open.End < address)
            {
                _open[index] = null;
                if (Result(open) is MemoryString complete)
                {
                    yield return complete;
                }
            }
        }
    }

    private MemoryString? Result(OpenString open) => open.Characters >= (ulong)minLength && open.IsComplete
        ? new MemoryString(process.Identity, open.Map, open.Address, open.End - open.Address, open.Text, open.Encoding)
        : null;

    /// <summary>What the pass has to know: a character that begins in a piece can end in the next one.</summary>
    private sealed class StringPattern() : SearchPattern(maxMatchLength: 4, alignment: 1)
    {
        internal override bool KeepsBytes => false;

        internal override int Find(SearchChunk chunk, in SearchWindow window, ref int next, Span<FoundMatch> found) =>
            throw new NotSupportedException();

        internal override object? ValueOf(ReadOnlySpan<byte> bytes) => throw new NotSupportedException();
    }

    /// <summary>A string that reaches the end of what was searched so far.</summary>
    private sealed class OpenString
    {
        private byte[] _text;

        public OpenString(in FoundString found, ReadOnlySpan<byte> bytes, ProcMap map)
        {
            (Address, End, Encoding, Map) = (found.Address, found.End, found.Encoding, map);
            (Characters, IsComplete) = ((ulong)found.Characters, found.IsComplete);
            _text = bytes.ToArray();
        }

        public ulong Address { get; }

        public ulong End { get; private set; }

        public ulong Characters { get; private set; }

        public bool IsComplete { get; private set; }

        public MemoryStringEncoding Encoding { get; }

        public ProcMap Map { get; }

        public ReadOnlySpan<byte> Text => _text;

        public void Append(in FoundString found, ReadOnlySpan<byte> bytes)
        {
            End = found.End;
            Characters += (ulong)found.Characters;
            IsComplete |= found.IsComplete;
            int added = Math.Min(bytes.Length, MaxTextBytes - _text.Length);
            _text = added > 0 ? [.. _text, .. bytes[..added]] : _text;
        }
    }
}

using System.Text;

namespace MemProc;

/// <summary>
/// Some memory that one worker reads and searches: a stretch of about a mebibyte, or many small ones. It is filled
/// again and again.
/// </summary>
internal sealed class SearchPiece
{
    /// <summary>Matches that are looked for at a time: where everything matches, memory stays bounded.</summary>
    private const int Room = 4096;

    /// <summary>Stretches in one piece.</summary>
    private const int MostSegments = 512;

    /// <summary>Patterns look at so many bytes at a time, also where only one is left.</summary>
    private const int Padding = 128;

    private readonly SearchPattern? _pattern;
    private readonly int _bytes;
    private readonly FoundMatch[] _found;
    private readonly List<SearchSegment> _segments = [];
    private readonly List<SearchWindow> _windows = [];
    private char[]? _characters;
    private int _window;
    private int _next;

    /// <summary>Makes the buffers.</summary>
    /// <param name="pattern">What is searched for; null: nothing, the bytes are wanted.</param>
    /// <param name="bytes">Bytes that it takes in.</param>
    public SearchPiece(SearchPattern? pattern, int bytes)
    {
        _pattern = pattern;
        _bytes = bytes;
        _found = pattern is null ? [] : new FoundMatch[Room];
        // Pinned for good: a buffer of this size is never moved anyhow, and reading need not tell the collector.
        Buffer = GC.AllocateUninitializedArray<byte>(
            bytes + (pattern?.LongestMatch ?? 0) + Padding, pinned: true);
    }

    /// <summary>Where the bytes are. There is room behind them, for patterns that look further.</summary>
    public byte[] Buffer { get; }

    /// <summary>What was read, in address order.</summary>
    public IReadOnlyList<SearchWindow> Windows => _windows;

    /// <summary>The window that the last matches are in.</summary>
    public SearchWindow Window { get; private set; }

    /// <summary>The matches found last, all in one window.</summary>
    public ReadOnlySpan<FoundMatch> Found => _found.AsSpan(0, FoundCount);

    /// <summary>How many there are.</summary>
    public int FoundCount { get; private set; }

    /// <summary>Everything in it has been searched.</summary>
    public bool IsDone => _window >= _windows.Count;

    /// <summary>The mappings that matches can begin in, in address order.</summary>
    public List<ProcMap> Maps { get; } = [];

    /// <summary>Bytes in which matches may begin, gaps included.</summary>
    public ulong SearchedBytes { get; private set; }

    /// <summary>Address space that is done with it, from the first mapping on, in bytes.</summary>
    public ulong PassedBytes { get; set; }

    /// <summary>Bytes that the kernel refused to read.</summary>
    public ulong FailedBytes { get; private set; }

    /// <summary>What went wrong with it.</summary>
    public Exception? Error { get; set; }

    /// <summary>What a worker made of it, besides matches.</summary>
    public object? Product { get; set; }

    /// <summary>Bytes of the buffer that are not spoken for.</summary>
    public int Free { get; private set; }

    /// <summary>Whether more stretches may be added.</summary>
    public bool IsFull => _segments.Count == MostSegments;

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _segments.Clear();
        _windows.Clear();
        Maps.Clear();
        Free = _bytes;
        SearchedBytes = FailedBytes = 0;
        FoundCount = _window = 0;
        Error = null;
        Product = null;
    }

    /// <summary>Adds a stretch.</summary>
    public void Add(ulong address, ulong end, ulong from, ulong to)
    {
        int offset = _segments is [.., { } last] ? last.Offset + last.Length : 0;
        int length = (int)(end - address);
        _segments.Add(new SearchSegment(address, length, from, to, offset));
        Free -= length;
        SearchedBytes += to - from;
    }

    /// <summary>Reads all of it; what cannot be read belongs to no window.</summary>
    public void Read(MemoryReader reader)
    {
        foreach (SearchSegment segment in _segments)
        {
            ulong at = segment.Address, end = segment.Address + (ulong)segment.Length;
            foreach (MemoryGap gap in reader.Read(at, Buffer.AsSpan(segment.Offset, segment.Length)))
            {
                AddWindow(segment, at, gap.Address);
                at = gap.End;
                ulong from = Math.Clamp(gap.Address, segment.Start, segment.End);
                FailedBytes += Math.Clamp(gap.End, segment.Start, segment.End) - from;
            }

            AddWindow(segment, at, end);
        }

        _next = _windows.Count == 0 ? 0 : _windows[0].From;
    }

    /// <summary>The matches found last have been taken.</summary>
    public void Forget() => FoundCount = 0;

    /// <summary>Takes back what was found before an address, where a match that began earlier reaches.</summary>
    public void Restart(ulong address)
    {
        FoundCount = _window = 0;
        SearchWindow first = _windows[0];
        _next = first.From + (int)(address - first.AddressOf(first.From));
    }

    /// <summary>Finds the next matches.</summary>
    public void FindMore(CancellationToken cancellation)
    {
        FoundCount = 0;
        while (_window < _windows.Count)
        {
            cancellation.ThrowIfCancellationRequested();
            SearchWindow window = _windows[_window];
            FoundCount = _next < window.To ? _pattern!.Find(this, window, ref _next, _found) : 0;
            if (_next >= window.To)
            {
                NextWindow();
            }

            if (FoundCount > 0)
            {
                Window = window;
                return;
            }
        }
    }

    /// <summary>The window as characters, a byte each.</summary>
    public ReadOnlySpan<char> Characters(in SearchWindow window)
    {
        _characters ??= GC.AllocateUninitializedArray<char>(Buffer.Length);
        int length = window.End - window.Start;
        Encoding.Latin1.GetChars(Buffer, window.Start, length, _characters, 0);
        return _characters.AsSpan(0, length);
    }

    private void NextWindow()
    {
        _window++;
        _next = _window < _windows.Count ? _windows[_window].From : 0;
    }

    private void AddWindow(in SearchSegment segment, ulong address, ulong end)
    {
        ulong from = Math.Max(address, segment.Start), to = Math.Min(end, segment.End);
        if (from < to)
        {
            _windows.Add(new SearchWindow(address, segment.OffsetOf(address), segment.OffsetOf(end),
                segment.OffsetOf(from), segment.OffsetOf(to)));
        }
    }
}

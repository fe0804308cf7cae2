using System.Runtime.InteropServices;
using System.Text;

namespace MemProc;

/// <summary>A match in a buffer.</summary>
/// <param name="Offset">Offset of its first byte in the buffer.</param>
/// <param name="Length">Its bytes.</param>
internal readonly record struct FoundMatch(int Offset, int Length);

/// <summary>A stretch of memory in a buffer. Matches may begin in a part of it.</summary>
/// <param name="Address">Address of the byte at <paramref name="Start"/>.</param>
/// <param name="Start">Offset in the buffer where it begins.</param>
/// <param name="End">Offset in the buffer where it ends.</param>
/// <param name="From">First offset at which a match may begin.</param>
/// <param name="To">First offset after those.</param>
internal readonly record struct SearchWindow(ulong Address, int Start, int End, int From, int To)
{
    /// <summary>Address of the first byte at which a match may begin.</summary>
    public ulong FromAddress => AddressOf(From);

    /// <summary>Returns the address of a byte of the buffer.</summary>
    public ulong AddressOf(int offset) => Address + (ulong)(offset - Start);

    /// <summary>Returns the part between two addresses in it.</summary>
    public SearchWindow Clip(ulong address, ulong end)
    {
        int start = Start + (int)(address - Address), stop = Start + (int)(end - Address);
        return new SearchWindow(address, start, stop, Math.Clamp(From, start, stop), Math.Clamp(To, start, stop));
    }
}

/// <summary>
/// Memory that one worker reads and searches: a stretch of about a mebibyte, or many small ones. Its buffers are filled
/// again and again.
/// </summary>
internal sealed class SearchChunk
{
    /// <summary>Matches that are found at a time: memory stays bounded even where everything matches.</summary>
    private const int MaxFound = 4096;

    /// <summary>Stretches in one piece.</summary>
    private const int MaxStretches = 512;

    /// <summary>Patterns compare so many bytes at a time, even where only one is left.</summary>
    private const int Padding = 128;

    /// <summary>The buffer of a worker whose pieces do not keep theirs.</summary>
    [ThreadStatic]
    private static byte[]? _shared;

    private readonly SearchPattern _pattern;
    private readonly int _bytes;
    private readonly FoundMatch[] _found = new FoundMatch[MaxFound];
    private readonly List<SearchWindow> _planned = [];
    private readonly List<SearchWindow> _windows = [];
    private byte[] _text = [];
    private int _textLength;
    private char[]? _characters;
    private int _foundCount;
    private int _window;
    private int _next;

    /// <summary>Creates the buffers.</summary>
    /// <param name="pattern">What is searched for.</param>
    /// <param name="bytes">Bytes that can be read into it.</param>
    public SearchChunk(SearchPattern pattern, int bytes)
    {
        _pattern = pattern;
        _bytes = bytes;
        Buffer = pattern.KeepsBytes ? Allocate() : [];
    }

    /// <summary>
    /// The bytes. There is room after them for patterns that look further. Where the pattern does not keep them, only the
    /// worker that has read them sees them.
    /// </summary>
    public byte[] Buffer { get; private set; }

    /// <summary>What was read, in address order.</summary>
    public IReadOnlyList<SearchWindow> Windows => _windows;

    /// <summary>The window of the last matches.</summary>
    public SearchWindow Window { get; private set; }

    /// <summary>The last matches, all in one window.</summary>
    public ReadOnlySpan<FoundMatch> Found => _found.AsSpan(0, _foundCount);

    /// <summary>Whether everything in it was searched.</summary>
    public bool IsDone => _window >= _windows.Count;

    /// <summary>The mappings in which matches can begin, in address order.</summary>
    public List<ProcMap> Maps { get; } = [];

    /// <summary>Bytes in which matches may begin, gaps included.</summary>
    public ulong SearchedBytes { get; private set; }

    /// <summary>Address space from the first mapping to the end of this piece, in bytes.</summary>
    public ulong PassedBytes { get; set; }

    /// <summary>Bytes that the kernel refused to read.</summary>
    public ulong FailedBytes { get; private set; }

    /// <summary>Bytes that a handler of userfaultfd(2) would have to supply.</summary>
    public ulong UserfaultBytes { get; private set; }

    /// <summary>Canceled where the result is no longer needed.</summary>
    public CancellationToken Stopped { get; private set; }

    /// <summary>Candidates in it, where a scan begins rather than a search.</summary>
    public List<ScanBlock> Candidates { get; } = [];

    /// <summary>Strings in it, and parts of strings at the ends of its windows, where strings are searched for.</summary>
    public List<FoundString> Strings { get; } = [];

    /// <summary>Pointers in it, where pointers are searched for: the address of each, and what it holds.</summary>
    public List<(ulong Address, ulong Target)> Pointers { get; } = [];

    /// <summary>Free bytes of the buffer.</summary>
    public int Free { get; private set; }

    /// <summary>Whether no more stretches can be added.</summary>
    public bool IsFull => _planned.Count == MaxStretches;

    /// <summary>Empties it.</summary>
    public void Clear()
    {
        _planned.Clear();
        _windows.Clear();
        Maps.Clear();
        Candidates.Clear();
        Strings.Clear();
        Pointers.Clear();
        _textLength = 0;
        Free = _bytes;
        SearchedBytes = FailedBytes = UserfaultBytes = 0;
        _foundCount = _window = 0;
    }

    /// <summary>Adds a stretch to read.</summary>
    /// <param name="address">First address that is read.</param>
    /// <param name="end">First address after those.</param>
    /// <param name="from">First address at which a match may begin.</param>
    /// <param name="to">First address after those.</param>
    public void Add(ulong address, ulong end, ulong from, ulong to)
    {
        int start = _planned is [.., { } last] ? last.End : 0;
        int OffsetOf(ulong at) => start + (int)(at - address);
        _planned.Add(new SearchWindow(address, start, OffsetOf(end), OffsetOf(from), OffsetOf(to)));
        Free -= (int)(end - address);
        SearchedBytes += to - from;
    }

    /// <summary>Reads all of it. What cannot be read is in no window.</summary>
    public void Read(MemoryReader reader)
    {
        if (!_pattern.KeepsBytes)
        {
            // A worker fills the same one again: it is still in its processor's cache.
            Buffer = _shared is { } shared && shared.Length >= Size ? shared : _shared = Allocate();
        }

        foreach (SearchWindow planned in _planned)
        {
            ulong at = planned.Address;
            // This thread is one of the pipeline, which abandons those that wait.
            foreach (MemoryGap gap in reader.ReadHere(at, Buffer.AsSpan(planned.Start, planned.End - planned.Start)))
            {
                AddWindow(planned.Clip(at, gap.Address));
                at = gap.End;
                SearchWindow unread = planned.Clip(gap.Address, gap.End);
                ulong length = (ulong)(unread.To - unread.From);
                FailedBytes += gap.Kind == MemoryGapKind.Userfault ? 0 : length;
                UserfaultBytes += gap.Kind == MemoryGapKind.Userfault ? length : 0;
            }

            AddWindow(planned.Clip(at, planned.AddressOf(planned.End)));
        }

        _next = _windows.Count == 0 ? 0 : _windows[0].From;
    }

    /// <summary>Keeps the beginnings of the strings, so that the buffer is not needed any more.</summary>
    /// <param name="maxBytes">Maximum number of bytes of each.</param>
    public void KeepText(int maxBytes)
    {
        foreach (ref FoundString found in CollectionsMarshal.AsSpan(Strings))
        {
            int length = Math.Min(found.Length, maxBytes);
            if (_textLength + length > _text.Length)
            {
                Array.Resize(ref _text, Math.Max(_text.Length * 2, _textLength + length));
            }

            Buffer.AsSpan(found.Offset, length).CopyTo(_text.AsSpan(_textLength));
            found = found with { Offset = _textLength };
            _textLength += length;
        }
    }

    /// <summary>Returns the beginning of a string that was kept.</summary>
    public ReadOnlySpan<byte> TextOf(in FoundString found, int maxBytes) =>
        _text.AsSpan(found.Offset, Math.Min(found.Length, maxBytes));

    /// <summary>Drops the last matches.</summary>
    public void Reset() => _foundCount = 0;

    /// <summary>Searches again from an address on: a match that began in an earlier piece reaches to there.</summary>
    public void Restart(ulong address)
    {
        _foundCount = _window = 0;
        _next = _windows[0].From + (int)(address - _windows[0].FromAddress);
    }

    /// <summary>Finds the next matches. Returns whether there are any.</summary>
    public bool FindNext(CancellationToken cancellation)
    {
        _foundCount = 0;
        Stopped = cancellation;
        while (_window < _windows.Count)
        {
            cancellation.ThrowIfCancellationRequested();
            SearchWindow window = _windows[_window];
            _foundCount = _next < window.To ? _pattern.Find(this, window, ref _next, _found) : 0;
            if (_next >= window.To)
            {
                _window++;
                _next = IsDone ? 0 : _windows[_window].From;
            }

            if (_foundCount > 0)
            {
                Window = window;
                return true;
            }
        }

        return false;
    }

    /// <summary>Returns a window as characters, one for each byte.</summary>
    public ReadOnlySpan<char> Characters(in SearchWindow window)
    {
        _characters ??= GC.AllocateUninitializedArray<char>(Buffer.Length);
        int length = window.End - window.Start;
        Encoding.Latin1.GetChars(Buffer, window.Start, length, _characters, 0);
        return _characters.AsSpan(0, length);
    }

    private int Size => _bytes + _pattern.MaxMatchLength + Padding;

    /// <summary>Pinned for good: a buffer of this size is never moved anyway, and reads need not pin it each time.</summary>
    private byte[] Allocate() => GC.AllocateUninitializedArray<byte>(Size, pinned: true);

    private void AddWindow(in SearchWindow window)
    {
        if (window.From < window.To)
        {
            _windows.Add(window);
        }
    }
}

namespace MemProc;

/// <summary>
/// Divides the memory of a process into pieces, in address order. Stretches go on from one mapping to the next, and
/// what is read for a piece reaches over its ends, so that matches across borders are found, and found once.
/// </summary>
internal sealed class SearchPlan
{
    /// <summary>
    /// So much address space is asked for at a time: the first bytes are searched long before the last page table
    /// has been read.
    /// </summary>
    private const ulong SmallestStep = 64UL << 20;
    private const ulong LargestStep = 64UL << 30;

    private readonly SearchRange _range;
    private readonly ProcMap[] _maps;
    private readonly ResidentMemory _resident;
    private readonly bool _readsClosed;
    private readonly int _behind;
    private readonly int _ahead;
    private readonly IEnumerator<SearchPart> _source;

    /// <summary>Parts that touch each other, from the one on in which the next piece begins.</summary>
    private readonly Queue<SearchPart> _parts = [];
    private SearchPart? _pending;
    private ulong _stretchStart;
    private ulong _stretchEnd;
    private ulong _at;
    private ulong _notResident;
    private ulong _closed;
    private ulong _passed;

    /// <summary>Prepares a plan.</summary>
    /// <param name="process">The process.</param>
    /// <param name="range">Which of its memory.</param>
    /// <param name="method">How it is read; not Auto.</param>
    /// <param name="behind">Bytes to read in front of those in which a match may begin.</param>
    /// <param name="ahead">Bytes to read behind them.</param>
    /// <param name="cancellation">Stops it.</param>
    public SearchPlan(
        LinuxProcess process, SearchRange range, ReadMethod method, int behind, int ahead,
        CancellationToken cancellation)
    {
        _range = range;
        _readsClosed = method == ReadMethod.Mem;
        _behind = behind;
        _ahead = ahead;
        _maps = range.Maps(process, cancellation);
        _resident = new ResidentMemory(process, cancellation);
        _source = Parts().GetEnumerator();
        MappedBytes = _maps.Aggregate(0UL, (sum, map) => sum + Clip(map).Length);
        _pending = Pull();
    }

    /// <summary>Bytes of the mappings that it takes in.</summary>
    public ulong MappedBytes { get; }

    /// <summary>What it has left out so far.</summary>
    public SearchSkips Skips => new(_notResident, _closed, 0);

    /// <summary>Fills a piece with what comes next; false where nothing does.</summary>
    public bool TryFill(SearchPiece piece)
    {
        piece.Clear();
        int around = _behind + _ahead;
        while (!piece.IsFull)
        {
            int room = (piece.Free - around) & -(int)MachinePage.SizeBytes;
            if (room <= 0 || (_at == _stretchEnd && !BeginStretch()))
            {
                break;
            }

            Extend(_at + (ulong)(room + _ahead));
            ulong to = Math.Min(_at + (ulong)room, _stretchEnd);
            ulong address = _at - Math.Min((ulong)_behind, _at - _stretchStart);
            piece.Add(address, to + Math.Min((ulong)_ahead, _stretchEnd - to), _at, to);
            AddMaps(piece.Maps, to);
            _at = to;
        }

        piece.PassedBytes = _passed;
        return piece.SearchedBytes > 0;
    }

    private SearchPart? Pull() => _source.MoveNext() ? _source.Current : null;

    private bool BeginStretch()
    {
        _parts.Clear();
        if (_pending is not SearchPart first)
        {
            return false;
        }

        _parts.Enqueue(first);
        _at = _stretchStart = first.Start;
        _stretchEnd = first.End;
        _pending = Pull();
        return true;
    }

    /// <summary>Adds the parts that touch the stretch, until it reaches an address.</summary>
    private void Extend(ulong wanted)
    {
        while (_stretchEnd <= wanted && _pending is SearchPart next && next.Start == _stretchEnd)
        {
            _parts.Enqueue(next);
            _stretchEnd = next.End;
            _pending = Pull();
        }
    }

    /// <summary>Adds the mappings of what has been planned up to an address.</summary>
    private void AddMaps(List<ProcMap> maps, ulong to)
    {
        while (_parts.TryPeek(out SearchPart part) && part.Start < to)
        {
            if (maps is not [.., { } last] || last != part.Map)
            {
                maps.Add(part.Map);
            }

            if (part.End > to)
            {
                return;
            }

            _parts.Dequeue();
        }
    }

    private (ulong Start, ulong End, ulong Length) Clip(ProcMap map)
    {
        ulong start = Math.Max(map.Start, _range.Start), end = Math.Min(map.End, _range.End);
        return (start, end, end - start);
    }

    private IEnumerable<SearchPart> Parts()
    {
        foreach (ProcMap map in _maps)
        {
            (ulong start, ulong end, ulong length) = Clip(map);
            if (map.Kind == ProcMapKind.Vvar || (!map.IsReadable && !_readsClosed))
            {
                _closed += length;
                _passed += length;
                continue;
            }

            foreach (SearchPart part in Parts(map, start, end))
            {
                yield return part;
            }
        }
    }

    private IEnumerable<SearchPart> Parts(ProcMap map, ulong start, ulong end)
    {
        ulong step = SmallestStep;
        for (ulong at = start; at < end;)
        {
            ulong to = at + Math.Min(step, end - at), taken = 0;
            foreach (AddressRange range in _range.IncludeNotResident ? [new(at, to)] : _resident.Ranges(at, to))
            {
                // Ranges are of whole pages, and of what is mapped by now.
                ulong from = Math.Max(range.Start, at), until = Math.Min(range.End, to);
                taken += until - from;
                yield return new SearchPart(from, until, map);
            }

            _notResident += to - at - taken;
            _passed += to - at;
            step = taken == 0 ? Math.Min(step * 4, LargestStep) : SmallestStep;
            at = to;
        }
    }
}

namespace MemProc;

/// <summary>
/// Divides the memory of a process into pieces, in address order. A stretch can span adjacent mappings, and a piece is
/// read beyond its ends, so that each match across a border is found, and found once.
/// </summary>
internal sealed class SearchPlan
{
    /// <summary>
    /// Address space whose page tables are read at a time: the first bytes are searched long before the last page table
    /// has been read. The step grows where nothing is resident.
    /// </summary>
    private const ulong MinStep = 64UL << 20;
    private const ulong MaxStep = 64UL << 30;

    private readonly SearchRange _range;
    private readonly ProcMap[] _maps;
    private readonly ResidentMemory _resident;
    private readonly bool _readsClosed;
    private readonly int _before;
    private readonly int _after;
    private readonly IEnumerator<Part> _source;

    /// <summary>Adjacent parts, from the one in which the next piece begins.</summary>
    private readonly Queue<Part> _slices = [];
    private Part? _pending;
    private ulong _rangeStart;
    private ulong _rangeEnd;
    private ulong _at;
    private ulong _notResident;
    private ulong _closed;
    private ulong _passed;

    /// <summary>Prepares a plan.</summary>
    /// <param name="process">The process.</param>
    /// <param name="range">Which of its memory.</param>
    /// <param name="method">How it is read; not Auto.</param>
    /// <param name="before">Bytes to read before those in which a match may begin.</param>
    /// <param name="after">Bytes to read after them.</param>
    /// <param name="cancellation">Stops the plan.</param>
    public SearchPlan(
        MemoryTarget process, SearchRange range, ReadMethod method, int before, int after,
        CancellationToken cancellation)
    {
        _range = range;
        _readsClosed = method is ReadMethod.Mem or ReadMethod.Core;
        _before = before;
        _after = after;
        _maps = range.Maps(process, cancellation);
        _resident = new ResidentMemory(process, cancellation);
        _source = Slices().GetEnumerator();
        MappedBytes = _maps.Aggregate(0UL, (sum, map) => sum + Clip(map).Length);
        _pending = TakeNext();
    }

    /// <summary>Bytes of the mappings in the range.</summary>
    public ulong MappedBytes { get; }

    /// <summary>What was left out so far.</summary>
    public SearchSkips Skips => new(_notResident, _closed, 0);

    /// <summary>Fills a piece with what comes next. Returns false at the end.</summary>
    public bool TryFill(SearchChunk chunk)
    {
        chunk.Clear();
        int around = _before + _after;
        while (!chunk.IsFull)
        {
            int room = (chunk.Free - around) & -(int)MachinePage.SizeBytes;
            if (room <= 0 || (_at == _rangeEnd && !BeginRange()))
            {
                break;
            }

            Extend(_at + (ulong)(room + _after));
            ulong to = Math.Min(_at + (ulong)room, _rangeEnd);
            ulong address = _at - Math.Min((ulong)_before, _at - _rangeStart);
            chunk.Add(address, to + Math.Min((ulong)_after, _rangeEnd - to), _at, to);
            AddMaps(chunk.Maps, to);
            _at = to;
        }

        chunk.PassedBytes = _passed;
        return chunk.SearchedBytes > 0;
    }

    private Part? TakeNext() => _source.MoveNext() ? _source.Current : null;

    private bool BeginRange()
    {
        _slices.Clear();
        if (_pending is not Part first)
        {
            return false;
        }

        _slices.Enqueue(first);
        _at = _rangeStart = first.Start;
        _rangeEnd = first.End;
        _pending = TakeNext();
        return true;
    }

    /// <summary>Adds the parts that follow the stretch without a gap, until it reaches an address.</summary>
    private void Extend(ulong target)
    {
        while (_rangeEnd <= target && _pending is Part next && next.Start == _rangeEnd)
        {
            _slices.Enqueue(next);
            _rangeEnd = next.End;
            _pending = TakeNext();
        }
    }

    /// <summary>Adds the mappings of what was planned up to an address.</summary>
    private void AddMaps(List<ProcMap> maps, ulong to)
    {
        while (_slices.TryPeek(out Part slice) && slice.Start < to)
        {
            if (maps is not [.., { } last] || last != slice.Map)
            {
                maps.Add(slice.Map);
            }

            if (slice.End > to)
            {
                return;
            }

            _slices.Dequeue();
        }
    }

    private (ulong Start, ulong End, ulong Length) Clip(ProcMap map)
    {
        ulong start = Math.Max(map.Start, _range.Start), end = Math.Min(map.End, _range.End);
        return (start, end, end - start);
    }

    private IEnumerable<Part> Slices()
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

            foreach (Part slice in Slices(map, start, end))
            {
                yield return slice;
            }
        }
    }

    private IEnumerable<Part> Slices(ProcMap map, ulong start, ulong end)
    {
        ulong step = MinStep;
        for (ulong at = start; at < end;)
        {
            ulong to = at + Math.Min(step, end - at), taken = 0;
            foreach (AddressRange range in _range.Parts is not null ? _range.Parts(at, to)
                : _range.IncludeNotResident ? [new(at, to)] : _resident.Ranges(at, to))
            {
                // Ranges reflect what is mapped by now.
                ulong from = Math.Max(range.Start, at), until = Math.Min(range.End, to);
                taken += until - from;
                yield return new Part(from, until, map);
            }

            _notResident += to - at - taken;
            _passed += to - at;
            step = taken == 0 ? Math.Min(step * 4, MaxStep) : MinStep;
            at = to;
        }
    }

    /// <summary>A resident part of one mapping.</summary>
    private readonly record struct Part(ulong Start, ulong End, ProcMap Map);
}

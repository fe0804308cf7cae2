using MemProc.Interop;

namespace MemProc;

/// <summary>Compares the pages of the mappings that are there before and after. Only populated pages cost time.</summary>
/// <param name="previous">The target before.</param>
/// <param name="current">The target after.</param>
/// <param name="process">The process that the changes are about.</param>
/// <param name="cancellation">Stops the comparison.</param>
internal sealed class PageComparer(
    MemoryTarget previous, MemoryTarget current, ProcessIdentity process, CancellationToken cancellation)
{
    private readonly PopulatedPages _before = new(previous, cancellation) { DetectHuge = true };
    private readonly PopulatedPages _after = new(current, cancellation) { DetectHuge = true };

    /// <summary>The bits of a pagemap entry that one of the kernels does not report.</summary>
    private readonly ulong _unknownBits = PageMapSupport.UnknownBits(previous) | PageMapSupport.UnknownBits(current);

    /// <summary>Frame numbers were hidden, so that other frames cannot be told apart.</summary>
    public bool HasHiddenFrames { get; private set; }

    /// <summary>Returns the changes, in address order.</summary>
    /// <param name="pairs">The mappings side by side.</param>
    /// <exception cref="MemProcException">
    /// ReadPageMap: EACCES without ptrace access; ENODATA where a core has no page information.
    /// </exception>
    public IEnumerable<PageChange> Compare(IEnumerable<MapPair> pairs)
    {
        foreach (MapPair pair in pairs)
        {
            if (pair is { Previous: ProcMap old, Current: ProcMap now } && now.Kind != ProcMapKind.Vsyscall)
            {
                foreach (PageChange change in Compare(old, now, pair.Range))
                {
                    yield return change;
                }
            }
        }

        current.ThrowIfExited(Operation.ReadPageMap);
    }

    private IEnumerable<PageChange> Compare(ProcMap old, ProcMap now, AddressRange range)
    {
        using Cursor before = new(_before.Of(old, range)), after = new(_after.Of(now, range));
        PageChange? open = null;
        ulong at = range.Start;
        while (true)
        {
            at = Math.Min(before.NextFrom(at), after.NextFrom(at));
            if (at >= range.End)
            {
                break;
            }

            (RawPageMapEntry left, bool? wasHuge) = before.At(at);
            (RawPageMapEntry right, bool? isHuge) = after.At(at);
            HasHiddenFrames |= left.IsPfnHidden || right.IsPfnHidden;
            PageChangeKind kind = Classify(left, right, wasHuge, isHuge);
            if (open is not null && (kind != open.Change || open.Address + open.Length != at))
            {
                yield return open;
                open = null;
            }

            if (kind != PageChangeKind.None)
            {
                open = open is null ? new PageChange(process, now, at, 1, kind, left, right) : open.Extended();
            }

            at += MachinePage.SizeBytes;
        }

        if (open is not null)
        {
            yield return open;
        }
    }

    private PageChangeKind Classify(RawPageMapEntry old, RawPageMapEntry now, bool? wasHuge, bool? isHuge)
    {
        if (old.Raw == now.Raw && wasHuge == isHuge)
        {
            return PageChangeKind.None;
        }

        if (old.IsGuard != now.IsGuard && (_unknownBits & PageMapSupport.Guard) == 0)
        {
            return PageChangeKind.Guard;
        }

        if (!old.IsPresent || !now.IsPresent)
        {
            return now.IsPresent ? PageChangeKind.BecamePresent
                : now.IsSwapped ? old.IsPresent ? PageChangeKind.SwappedOut
                    : old.IsSwapped ? SwapState(old, now) : PageChangeKind.SwappedOut
                : old.IsPresent || old.IsSwapped ? PageChangeKind.Dropped
                : Flags(old, now);
        }

        PageChangeKind kind = Flags(old, now);
        bool isOtherFrame = !old.IsPfnHidden && !now.IsPfnHidden && old.Pfn != now.Pfn;
        if ((old.IsFileOrShared && !now.IsFileOrShared)
            || (isOtherFrame && !old.IsExclusive && now is { IsExclusive: true, IsFileOrShared: false }))
        {
            kind |= PageChangeKind.CopiedOnWrite;
        }
        else if (isOtherFrame)
        {
            kind |= PageChangeKind.OtherFrame;
        }
        else if (old.IsExclusive != now.IsExclusive && (_unknownBits & PageMapSupport.Exclusive) == 0)
        {
            kind |= PageChangeKind.Sharing;
        }

        return kind | (wasHuge == true && isHuge == false ? PageChangeKind.Split
            : wasHuge == false && isHuge == true ? PageChangeKind.BecameHuge
            : PageChangeKind.None);
    }

    private PageChangeKind SwapState(RawPageMapEntry old, RawPageMapEntry now) => Flags(old, now)
        | (old.SwapType != now.SwapType || old.SwapOffset != now.SwapOffset ? PageChangeKind.OtherFrame : PageChangeKind.None);

    private PageChangeKind Flags(RawPageMapEntry old, RawPageMapEntry now) =>
        (old.IsSoftDirty != now.IsSoftDirty && (_unknownBits & PageMapSupport.SoftDirty) == 0
            ? PageChangeKind.SoftDirty : PageChangeKind.None)
        | (old.IsWriteProtected != now.IsWriteProtected && (_unknownBits & PageMapSupport.WriteProtected) == 0
            ? PageChangeKind.WriteProtection : PageChangeKind.None);

    /// <summary>The populated pages of one side, asked for in address order.</summary>
    private sealed class Cursor(IEnumerable<PageMapRange> ranges) : IDisposable
    {
        private readonly IEnumerator<PageMapRange> _ranges = ranges.GetEnumerator();
        private PageMapRange _current;
        private bool _isOver;
        private ulong _from;
        private ulong _next;

        private ulong End => _current.Address + (ulong)_current.Entries.Length * MachinePage.SizeBytes;

        /// <summary>Returns the address of the next populated page at or after an address; the largest one where there is none.</summary>
        public ulong NextFrom(ulong address)
        {
            if (address < _from || address > _next)
            {
                _next = FindFrom(address);
            }

            _from = address;
            return _next;
        }

        private ulong FindFrom(ulong address)
        {
            for (ulong at = address; Advance(at);)
            {
                ReadOnlySpan<ulong> entries = _current.Entries.Span;
                for (int index = IndexOf(Math.Max(at, _current.Address)); index < entries.Length; index++)
                {
                    if (new RawPageMapEntry(entries[index]).IsPopulated)
                    {
                        return _current.Address + (ulong)index * MachinePage.SizeBytes;
                    }
                }

                at = End;
            }

            return ulong.MaxValue;
        }

        /// <summary>Returns the entry of a page at or after those asked for before; an empty one where it is not populated.</summary>
        public (RawPageMapEntry Entry, bool? IsHuge) At(ulong address)
        {
            if (!Advance(address) || _current.Address > address)
            {
                return (default, null);
            }

            RawPageMapEntry entry = new(_current.Entries.Span[IndexOf(address)]);
            return (entry, entry.IsPresent ? _current.IsHuge : null);
        }

        public void Dispose() => _ranges.Dispose();

        private int IndexOf(ulong address) => (int)((address - _current.Address) / MachinePage.SizeBytes);

        /// <summary>Goes to the range that ends after an address; false where there is none.</summary>
        private bool Advance(ulong address)
        {
            while (!_isOver && End <= address)
            {
                _isOver = !_ranges.MoveNext();
                _current = _isOver ? default : _ranges.Current;
            }

            return !_isOver;
        }
    }
}

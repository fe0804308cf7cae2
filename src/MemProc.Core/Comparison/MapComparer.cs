namespace MemProc;

/// <summary>
/// Compares two lists of mappings by address. The kernel splits and joins mappings when the permissions of a part change, so
/// mappings are not compared one by one.
/// </summary>
/// <param name="previous">The target before.</param>
/// <param name="current">The target after.</param>
/// <param name="process">The process that the changes are about.</param>
/// <param name="previousSamples">Samples of the memory before.</param>
/// <param name="currentSamples">Samples of the memory after.</param>
internal sealed class MapComparer(MemoryTarget previous, MemoryTarget current, ProcessIdentity process,
    MapSamples previousSamples, MapSamples currentSamples)
{
    /// <summary>Cores of other programs have no inodes, no names of anonymous memory, and not whether a mapping is shared.</summary>
    private readonly bool _isComplete = AreComplete(previous, current);

    /// <summary>Returns the changes, in address order.</summary>
    /// <param name="before">The mappings before.</param>
    /// <param name="after">The mappings after.</param>
    /// <param name="range">The addresses; of memory that has moved, those before or after.</param>
    /// <param name="filter">Selects mappings: one of the two has to match.</param>
    public IEnumerable<ProcMapChange> Compare(ProcMap[] before, ProcMap[] after, AddressRange range, MapFilter filter)
    {
        HashSet<ProcMap> kept = Kept(before, after);
        List<Pending> changes = [.. Changes(before, after, range, filter, kept)];
        List<(Pending Gone, Pending Added)> moves = changes.Exists(change => IsGone(change) || IsAdded(change))
            ? Moves(range == AddressRange.All ? changes : [.. Changes(before, after, AddressRange.All, filter, kept)])
            : [];
        moves.RemoveAll(move => move.Gone.Range.Clip(range).SizeBytes == 0 && move.Added.Range.Clip(range).SizeBytes == 0);
        AddressRange[] from = [.. moves.Select(move => move.Gone.Range).OrderBy(part => part.Start)];
        AddressRange[] to = [.. moves.Select(move => move.Added.Range).OrderBy(part => part.Start)];
        changes.RemoveAll(change => (IsGone(change) && IsWithin(change.Range, from)) || (IsAdded(change) && IsWithin(change.Range, to)));
        return from change in changes.Select(change =>
                   new ProcMapChange(process, change.Kind, change.Range, change.First.Previous, change.First.Current))
               .Concat(moves.Select(move => new ProcMapChange(process, ProcMapChangeKind.Moved, move.Added.Range,
                   move.Gone.First.Previous, move.Added.First.Current) { PreviousStart = move.Gone.Range.Start }))
               orderby change.Start
               select change;
    }

    private IEnumerable<Pending> Changes(
        ProcMap[] before, ProcMap[] after, AddressRange range, MapFilter filter, HashSet<ProcMap> kept)
    {
        Pending? open = null;
        foreach (MapPair pair in MapPairs.Of(before, after, range))
        {
            if (!(pair.Previous is not null && filter.Matches(pair.Previous))
                && !(pair.Current is not null && filter.Matches(pair.Current)))
            {
                continue;
            }

            foreach (ProcMapChangeKind kind in Kinds(pair, kept))
            {
                if (open is not null && open.Continues(kind, pair))
                {
                    open = open with { Range = open.Range with { End = pair.Range.End }, Last = pair };
                    continue;
                }

                if (open is not null)
                {
                    yield return open;
                }

                open = new Pending(kind, pair.Range, pair, pair);
            }
        }

        if (open is not null)
        {
            yield return open;
        }
    }

    private static bool IsGone(Pending change) => change.Kind is ProcMapChangeKind.Removed or ProcMapChangeKind.Shrunk;

    private static bool IsAdded(Pending change) => change.Kind == ProcMapChangeKind.Added;

    /// <summary>Whether one of several ranges, in address order, has all of a part.</summary>
    private static bool IsWithin(AddressRange part, AddressRange[] ranges)
    {
        int low = 0;
        for (int high = ranges.Length; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = ranges[middle].End > part.Start ? (low, middle) : (middle + 1, high);
        }

        return low < ranges.Length && part.Start >= ranges[low].Start && part.End <= ranges[low].End;
    }

    /// <summary>
    /// Finds what is at another address, as mremap(2) moves memory: the same part of a file, or anonymous memory by samples of
    /// its content. The frames would not do, since the kernel gives those that one mapping frees to the next one.
    /// </summary>
    private List<(Pending Gone, Pending Added)> Moves(List<Pending> changes)
    {
        Dictionary<Evidence, Queue<Pending>> gone = [];
        Dictionary<Pending, int> samples = new(ReferenceEqualityComparer.Instance);
        foreach (Pending change in changes.Where(IsGone))
        {
            Evidence[] all = Evidences(change.First.Previous!, change.Range, previousSamples);
            samples[change] = all.Length;
            foreach (Evidence evidence in all)
            {
                (gone.TryGetValue(evidence, out Queue<Pending>? known) ? known : gone[evidence] = new()).Enqueue(change);
            }
        }

        List<(Pending, Pending)> moves = [];
        foreach (Pending change in gone.Count == 0 ? [] : changes.Where(IsAdded))
        {
            Evidence[] all = Evidences(change.First.Current!, change.Range, currentSamples);
            Dictionary<Pending, int> votes = new(ReferenceEqualityComparer.Instance);
            foreach (Evidence evidence in all)
            {
                // The first that is not found elsewhere yet: equal mappings moved in their order.
                while (gone.TryGetValue(evidence, out Queue<Pending>? candidates) && candidates.TryPeek(out Pending? candidate))
                {
                    if (samples.ContainsKey(candidate))
                    {
                        votes[candidate] = votes.GetValueOrDefault(candidate) + 1;
                        break;
                    }

                    candidates.Dequeue();
                }
            }

            // Some pages may have changed since.
            (Pending? found, int count) = votes.Count == 0 ? default : votes.MaxBy(vote => vote.Value);
            if (found is not null && count * 2 >= Math.Min(samples[found], all.Length))
            {
                samples.Remove(found);
                moves.Add((found, change));
            }
        }

        return moves;
    }

    /// <summary>What makes it likely that two ranges are the same memory: each item that they share.</summary>
    private Evidence[] Evidences(ProcMap map, AddressRange range, MapSamples samples) => IsAnonymous(map)
        ? [.. samples.Of(map, range).Select(sample => new Evidence(string.Empty, sample.Offset, sample.Hash))]
        // Deleted files of one name are told apart by their inodes.
        : map.IsDeleted && !_isComplete ? []
        : [new Evidence($"{map.Permissions[..3]} {(_isComplete ? $"{map.Device} {map.Inode}" : null)} {map.RawPath}",
            map.Offset + (range.Start - map.Start), range.SizeBytes)];

    /// <summary>The mappings of which a part shows the same before and after.</summary>
    private static HashSet<ProcMap> Kept(ProcMap[] before, ProcMap[] after)
    {
        HashSet<ProcMap> kept = new(ReferenceEqualityComparer.Instance);
        foreach (MapPair pair in MapPairs.Of(before, after, AddressRange.All))
        {
            if (pair is { Previous: ProcMap old, Current: ProcMap now } && IsSameBacking(old, now))
            {
                kept.Add(old);
                kept.Add(now);
            }
        }

        return kept;
    }

    private IEnumerable<ProcMapChangeKind> Kinds(MapPair pair, HashSet<ProcMap> kept)
    {
        switch (pair)
        {
            case { Previous: null, Current: ProcMap added }:
                if (IsComparable(added))
                {
                    yield return kept.Contains(added) ? ProcMapChangeKind.Grown : ProcMapChangeKind.Added;
                }

                break;
            case { Previous: ProcMap removed, Current: null }:
                if (IsComparable(removed))
                {
                    yield return kept.Contains(removed) ? ProcMapChangeKind.Shrunk : ProcMapChangeKind.Removed;
                }

                break;
            case { Previous: ProcMap old, Current: ProcMap now }:
                // The kernel's cores have its own mappings without a name.
                if (!IsComparable(old) || !IsComparable(now))
                {
                    break;
                }

                if (!IsSameBacking(old, now))
                {
                    yield return ProcMapChangeKind.Remapped;
                    break;
                }

                if (old.Permissions[..3] != now.Permissions[..3] || (_isComplete && old.IsShared != now.IsShared))
                {
                    yield return ProcMapChangeKind.Protection;
                }

                if (IsReplaced(old, now))
                {
                    yield return ProcMapChangeKind.FileReplaced;
                }

                if (_isComplete && IsAnonymous(old) && old.Path != now.Path)
                {
                    yield return ProcMapChangeKind.Renamed;
                }

                break;
        }
    }

    private bool IsComparable(ProcMap map) => _isComplete || !IsOfKernel(map);

    /// <summary>Whether both lists have all mappings: cores of other programs leave out those of the kernel.</summary>
    internal static bool AreComplete(MemoryTarget previous, MemoryTarget current) =>
        previous is not CoreFile { IsOfMemProc: false } && current is not CoreFile { IsOfMemProc: false };

    /// <summary>Whether the kernel has made a mapping.</summary>
    internal static bool IsOfKernel(ProcMap map) =>
        map.Kind is ProcMapKind.Vdso or ProcMapKind.Vvar or ProcMapKind.Vsyscall or ProcMapKind.Special;

    /// <summary>
    /// Whether two mappings of an address show the same: anonymous memory, or the same place of a file by its path. A file
    /// that was replaced since counts as the same.
    /// </summary>
    private static bool IsSameBacking(ProcMap old, ProcMap now)
    {
        if (IsAnonymous(old) || IsAnonymous(now))
        {
            return IsAnonymous(old) && IsAnonymous(now);
        }

        return old.Path == now.Path && (!old.CanContainElf || unchecked(old.Offset - old.Start) == unchecked(now.Offset - now.Start));
    }

    private bool IsReplaced(ProcMap old, ProcMap now) => !IsAnonymous(now)
        && (old.IsDeleted != now.IsDeleted || (_isComplete && (old.Inode != now.Inode || old.Device != now.Device)));

    /// <summary>Whether memory is private and without a file.</summary>
    internal static bool IsAnonymous(ProcMap map) => map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous
        or ProcMapKind.Heap or ProcMapKind.Stack;

    /// <summary>A part of a file, or a page of anonymous memory with its content.</summary>
    private readonly record struct Evidence(string File, ulong Offset, ulong Content);

    /// <summary>A change that the next range can continue.</summary>
    private sealed record Pending(ProcMapChangeKind Kind, AddressRange Range, MapPair First, MapPair Last)
    {
        public bool Continues(ProcMapChangeKind kind, MapPair next) => kind == Kind && next.Range.Start == Range.End
            && IsAlike(Last.Previous, next.Previous) && IsAlike(Last.Current, next.Current);

        /// <summary>Whether two adjacent mappings look the same, so that only the kernel's splitting separates them.</summary>
        private static bool IsAlike(ProcMap? left, ProcMap? right) => ReferenceEquals(left, right)
            || (left is not null && right is not null && left.Permissions == right.Permissions && left.RawPath == right.RawPath
                && left.Kind == right.Kind);
    }
}

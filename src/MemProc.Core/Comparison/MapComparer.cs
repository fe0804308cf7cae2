namespace MemProc;

/// <summary>
/// Compares two lists of mappings by address. The kernel splits and joins mappings when the permissions of a part change, so
/// mappings are not compared one by one.
/// </summary>
/// <param name="previous">The target before.</param>
/// <param name="current">The target after.</param>
/// <param name="process">The process that the changes are about.</param>
internal sealed class MapComparer(MemoryTarget previous, MemoryTarget current, ProcessIdentity process)
{
    /// <summary>Cores of other programs have no inodes, no names of anonymous memory, and not whether a mapping is shared.</summary>
    private readonly bool _isComplete =
        previous is not CoreFile { IsOfMemProc: false } && current is not CoreFile { IsOfMemProc: false };

    /// <summary>Returns the changes, in address order.</summary>
    /// <param name="before">The mappings before.</param>
    /// <param name="after">The mappings after.</param>
    /// <param name="range">The addresses.</param>
    /// <param name="filter">Selects mappings: one of the two has to match.</param>
    public IEnumerable<ProcMapChange> Compare(ProcMap[] before, ProcMap[] after, AddressRange range, MapFilter filter)
    {
        HashSet<ProcMap> kept = Kept(before, after);
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
                    yield return Change(open);
                }

                open = new Pending(kind, pair.Range, pair, pair);
            }
        }

        if (open is not null)
        {
            yield return Change(open);
        }
    }

    private ProcMapChange Change(Pending pending) =>
        new(process, pending.Kind, pending.Range, pending.First.Previous, pending.First.Current);

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

    /// <summary>Whether a mapping would be in both lists: cores of other programs leave out those of the kernel.</summary>
    private bool IsComparable(ProcMap map) => _isComplete
        || map.Kind is not (ProcMapKind.Vdso or ProcMapKind.Vvar or ProcMapKind.Vsyscall or ProcMapKind.Special);

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

    private static bool IsAnonymous(ProcMap map) => map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous
        or ProcMapKind.Heap or ProcMapKind.Stack;

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

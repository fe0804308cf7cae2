namespace MemProc;

/// <summary>Memory that could not be compared, and why.</summary>
/// <param name="Address">First address.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="PreviousGap">Why the target before has nothing; null where it has bytes.</param>
/// <param name="Gap">Why the target after has nothing; null where it has bytes.</param>
public sealed record ComparisonGap(ulong Address, ulong Length, MemoryGapKind? PreviousGap, MemoryGapKind? Gap)
{
    /// <summary>Formats the gap as a line.</summary>
    public override string ToString() =>
        $"0x{Address:x} {HumanSize.Format(Length)}: before {Text(PreviousGap)}, after {Text(Gap)}";

    /// <summary>Returns the gaps of two sides as one list, in address order and without overlap.</summary>
    /// <param name="left">Those before.</param>
    /// <param name="right">Those after.</param>
    /// <param name="end">First address after the range that was read.</param>
    internal static IEnumerable<ComparisonGap> Merge(IReadOnlyList<MemoryGap> left, IReadOnlyList<MemoryGap> right, ulong end)
    {
        int first = 0, second = 0;
        for (ulong at = 0; first < left.Count || second < right.Count;)
        {
            MemoryGap? before = first < left.Count ? left[first] : null, after = second < right.Count ? right[second] : null;
            ulong start = Math.Max(at, Math.Min(before?.Address ?? ulong.MaxValue, after?.Address ?? ulong.MaxValue));
            bool isBefore = before?.Address <= start, isAfter = after?.Address <= start;
            ulong until = Math.Min(Math.Min(isBefore ? before!.End : before?.Address ?? ulong.MaxValue,
                isAfter ? after!.End : after?.Address ?? ulong.MaxValue), end);
            if (start < until)
            {
                yield return new ComparisonGap(start, until - start, isBefore ? before!.Kind : null, isAfter ? after!.Kind : null);
            }

            at = until;
            first += before?.End <= at || at >= end ? 1 : 0;
            second += after?.End <= at || at >= end ? 1 : 0;
        }
    }

    private static string Text(MemoryGapKind? kind) => kind?.ToString() ?? "present";
}

/// <summary>The sums of a comparison, by mapping. Several threads add to it.</summary>
internal sealed class ComparisonTally
{
    /// <summary>Gaps that are kept; the rest is only counted.</summary>
    public const int MaxGaps = 4096;

    private readonly Lock _adding = new();
    private readonly Dictionary<ProcMap, Sums> _maps = new(ReferenceEqualityComparer.Instance);
    private readonly List<ComparisonGap> _gaps = [];

    /// <summary>Bytes that both sides have.</summary>
    public ulong ComparedBytes { get; private set; }

    /// <summary>Bytes that one side lacks.</summary>
    public ulong GapBytes { get; private set; }

    /// <summary>Bytes that the target before lacks.</summary>
    public ulong PreviousGapBytes { get; private set; }

    /// <summary>Bytes that are mapped only after.</summary>
    public ulong AddedBytes { get; private set; }

    /// <summary>Bytes that were mapped only before.</summary>
    public ulong RemovedBytes { get; private set; }

    /// <summary>Bytes that differ.</summary>
    public ulong ChangedBytes { get; private set; }

    /// <summary>Number of differences.</summary>
    public ulong DifferenceCount { get; private set; }

    /// <summary>First address that is not planned yet.</summary>
    public ulong PassedTo { get; private set; }

    /// <summary>Notes how far the plan is.</summary>
    public void Pass(ulong end) => PassedTo = end;

    /// <summary>Counts bytes that were read on both sides.</summary>
    public void AddCompared(ulong bytes, ProcMap map)
    {
        lock (_adding)
        {
            ComparedBytes += bytes;
            Of(map).Compared += bytes;
        }
    }

    /// <summary>Counts bytes that are equal without a read.</summary>
    public void AddEqual(ulong bytes, ProcMap map) => AddCompared(bytes, map);

    /// <summary>Counts what is mapped on one side only.</summary>
    public void AddUnmapped(MapPair pair)
    {
        lock (_adding)
        {
            AddedBytes += pair.Previous is null ? pair.Range.SizeBytes : 0;
            RemovedBytes += pair.Current is null ? pair.Range.SizeBytes : 0;
        }
    }

    /// <summary>Counts what could not be compared.</summary>
    public void AddGap(ComparisonGap gap, ProcMap map)
    {
        lock (_adding)
        {
            GapBytes += gap.Gap is null ? 0 : gap.Length;
            PreviousGapBytes += gap.PreviousGap is null ? 0 : gap.Length;
            Of(map).Gaps += gap.Length;
            if (_gaps is [.., { } last] && last.Address + last.Length == gap.Address && last.PreviousGap == gap.PreviousGap
                && last.Gap == gap.Gap)
            {
                _gaps[^1] = last with { Length = last.Length + gap.Length };
            }
            else if (_gaps.Count < MaxGaps)
            {
                _gaps.Add(gap);
            }
            else
            {
                HasMoreGaps = true;
            }
        }
    }

    /// <summary>There are more gaps than are kept.</summary>
    public bool HasMoreGaps { get; private set; }

    /// <summary>Counts a difference.</summary>
    public void AddDifference(FoundDifference difference, ProcMap? map)
    {
        lock (_adding)
        {
            ChangedBytes += difference.ChangedBytes;
            DifferenceCount++;
            if (map is not null)
            {
                Sums sums = Of(map);
                sums.Changed += difference.ChangedBytes;
                sums.Differences++;
            }
        }
    }

    /// <summary>Returns the gaps, in address order.</summary>
    public ComparisonGap[] Gaps() => [.. _gaps.OrderBy(gap => gap.Address)];

    /// <summary>Returns the mappings with differences or gaps, in address order.</summary>
    /// <param name="process">The process that they belong to, or the core.</param>
    public ComparedMap[] Maps(ProcessIdentity process) =>
    [
        .. from entry in _maps
           where entry.Value.Changed > 0 || entry.Value.Gaps > 0
           orderby entry.Key.Start
           select new ComparedMap(process, entry.Key, entry.Value.Compared, entry.Value.Changed, entry.Value.Differences,
               entry.Value.Gaps),
    ];

    private Sums Of(ProcMap map)
    {
        if (!_maps.TryGetValue(map, out Sums? sums))
        {
            _maps[map] = sums = new Sums();
        }

        return sums;
    }

    private sealed class Sums
    {
        public ulong Compared { get; set; }

        public ulong Changed { get; set; }

        public ulong Differences { get; set; }

        public ulong Gaps { get; set; }
    }
}

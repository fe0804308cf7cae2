using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>Counts page frames by what they are used for and whom they belong to, without an object for each.</summary>
/// <param name="source">How to read the kernel's memory. It is opened at the first use.</param>
/// <param name="files">Where the kernel's file systems are mounted; null for the usual places.</param>
/// <param name="cancellation">Stops the count.</param>
public sealed class PageFrameMeter(
    KernelReadSource source = KernelReadSource.Auto, KernelFiles? files = null, CancellationToken cancellation = default)
    : IDisposable
{
    private const int MaxAttempts = 8;

    private readonly KernelReader _reader = new(source, files);

    /// <inheritdoc cref="PageTableReader.Source"/>
    public KernelReadSource Source => _reader.Source;

    /// <summary>Counts frames.</summary>
    /// <param name="grouping">By what to count.</param>
    /// <param name="ranges">The frames; null: all of the machine.</param>
    /// <param name="filter">Selects frames; null: all.</param>
    /// <param name="fail">Receives the failure of a process that cannot be read, where frames are counted by process.</param>
    /// <param name="progress">Called with the number of frames done and in all.</param>
    /// <returns>The groups, most frames first.</returns>
    /// <exception cref="MemProcException">As <see cref="PageFrameReader.Prepare"/>.</exception>
    public IReadOnlyList<PageFrameGroup> Count(
        PageFrameGrouping grouping, IReadOnlyList<PfnRange>? ranges = null, PageFrameFilter? filter = null,
        Action<MemProcException>? fail = null, Action<ulong, ulong>? progress = null)
    {
        using FrameMap map = FrameMap.Create(_reader);
        ulong end = map.End;
        Tally tally = new(map, grouping, filter ?? new PageFrameFilter());
        if (grouping == PageFrameGrouping.Process)
        {
            tally.Processes = FrameProcesses.Read(_reader.Files, fail ?? (_ => { }), (_, _) => { }, cancellation);
        }

        PfnRange[] all = ranges is null ? [new PfnRange(0, end)]
            : [.. ranges.Where(range => range.First < end).Select(range => range with { Count = Math.Min(range.Count, end - range.First) })];
        ulong total = all.Aggregate(0UL, (sum, range) => sum + range.Count), done = 0;
        foreach (PfnRange range in all)
        {
            foreach (FrameChunk chunk in map.Chunks(range, cancellation))
            {
                tally.Add(chunk);
                progress?.Invoke(done + chunk.First - range.First, total);
            }

            done += range.Count;
        }

        return tally.Groups(isComplete: ranges is null && filter is null,
            MachineMemory.Read(_reader.Files).TryGetValue("MemTotal", out ulong bytes) ? bytes : null);
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();

    /// <summary>What frames are counted under.</summary>
    private readonly record struct GroupKey(string Name, PageFrameKind? Kind, int? ProcessId);

    /// <summary>Counts frames of chunks.</summary>
    private sealed class Tally(FrameMap map, PageFrameGrouping grouping, PageFrameFilter filter)
    {
        private static readonly PageFrameKind[] Kinds = Enum.GetValues<PageFrameKind>();

        private readonly FrameOwners _owners = new(map.Reader);
        private readonly FrameSampler _sampler = new(map);
        private readonly Dictionary<GroupKey, ulong> _counts = [];
        private readonly Dictionary<(bool, int), GroupKey> _orders = [];
        private readonly Dictionary<int, GroupKey> _nodes = [];
        private readonly ulong[] _byKind = new ulong[Kinds.Length];
        private readonly FrameChunk _again = map.NewChunk();

        public FrameProcesses? Processes { get; set; }

        private FrameOwnerKinds Needs => filter.Needs | grouping switch
        {
            PageFrameGrouping.File => FrameOwnerKinds.File,
            PageFrameGrouping.Slab => FrameOwnerKinds.Slab,
            PageFrameGrouping.Cgroup => FrameOwnerKinds.Cgroup,
            _ => FrameOwnerKinds.None,
        };

        public void Add(FrameChunk chunk)
        {
            FrameOwnerKinds needs = Needs;
            if (needs == FrameOwnerKinds.None)
            {
                foreach (ref readonly FrameRun run in (ReadOnlySpan<FrameRun>)chunk.RunSpan)
                {
                    if (filter.MayMatch(run.State))
                    {
                        AddWithoutOwner(run);
                    }
                }

                return;
            }

            AddWithOwners(chunk, needs);
        }

        public PageFrameGroup[] Groups(bool isComplete, ulong? memTotal)
        {
            ulong Sum(params PageFrameKind[] kinds) => kinds.Aggregate(0UL, (sum, kind) => sum + _byKind[(int)kind]);
            PageFrameTotal total = new(Sum(Kinds),
                Sum(PageFrameKind.Reserved, PageFrameKind.Device) + ReservedZeros,
                Sum(PageFrameKind.Kernel, PageFrameKind.Detached, PageFrameKind.Unknown), memTotal, isComplete);
            if (grouping == PageFrameGrouping.Kind)
            {
                foreach (PageFrameKind kind in Kinds.Where(kind => _byKind[(int)kind] > 0))
                {
                    _counts.Add(new GroupKey(kind.ToString(), kind, null), _byKind[(int)kind]);
                }
            }

            return [.. from count in _counts
                orderby count.Value descending, count.Key.Name
                select new PageFrameGroup(count.Key.Name, count.Key.Kind, count.Key.ProcessId, count.Value, total)];
        }

        /// <summary>The page of zeros is not part of MemTotal, but the huge one is allocated like other memory.</summary>
        private ulong ReservedZeros { get; set; }

        private void AddWithoutOwner(in FrameRun run)
        {
            Tallied(run.State, (ulong)run.Count);
            switch (grouping)
            {
                case PageFrameGrouping.Kind:
                    return;
                case PageFrameGrouping.Process:
                    AddByProcess(run);
                    return;
                case PageFrameGrouping.Node:
                    Add(NodeKey(run.State), (ulong)run.Count);
                    return;
                default:
                    Add(OrderKey(run.State), (ulong)run.Count);
                    return;
            }
        }

        private GroupKey NodeKey(in FrameState state)
        {
            int node = map.Decoder.Zones.Decode(state.Flags)?.Node ?? -1;
            if (!_nodes.TryGetValue(node, out GroupKey key))
            {
                _nodes.Add(node, key = new GroupKey(node < 0 ? "unknown node" : $"node {node}", null, null));
            }

            return key;
        }

        private GroupKey OrderKey(in FrameState state)
        {
            bool isFree = state.Kind == PageFrameKind.Free;
            if (!_orders.TryGetValue((isFree, state.Order), out GroupKey key))
            {
                string size = state.Order < 0 ? "unknown order"
                    : $"order {state.Order} ({HumanSize.Format(MachinePage.SizeBytes << state.Order)})";
                key = new GroupKey(isFree ? $"free, {size}" : size, isFree ? PageFrameKind.Free : null, null);
                _orders.Add((isFree, state.Order), key);
            }

            return key;
        }

        private void AddByProcess(in FrameRun run)
        {
            for (int index = 0; index < run.Count; index++)
            {
                int number = Processes!.NumberOf(run.Pfn + (ulong)index);
                Add(number switch
                {
                    0 => KindKey(run.State.Kind),
                    FrameProcesses.Several => new GroupKey("(several processes)", null, null),
                    _ => new GroupKey($"{Processes[number].Name} ({Processes[number].ProcessId})", null, Processes[number].ProcessId),
                }, 1);
            }
        }

        /// <summary>
        /// Adds frames with owners. After the owners were looked up the chunk is read again: where a frame changed, its owner
        /// may be that of another one.
        /// </summary>
        private void AddWithOwners(FrameChunk chunk, FrameOwnerKinds needs)
        {
            _owners.Refresh(needs.HasFlag(FrameOwnerKinds.File) ? chunk.Runs.Select(run => run.State) : []);
            Span<FrameRun> runs = chunk.RunSpan;
            FrameOwner[] owners = new FrameOwner[runs.Length];
            for (int index = 0; index < runs.Length; index++)
            {
                if (filter.MayMatch(runs[index].State))
                {
                    owners[index] = _owners.Of(runs[index].State, needs);
                }
            }

            map.Read(_again, chunk.First, chunk.Count);
            Span<FrameRun> again = _again.RunSpan;
            for (int index = 0, other = 0; index < runs.Length; index++)
            {
                ref FrameRun run = ref runs[index];
                if (!filter.MayMatch(run.State))
                {
                    continue;
                }

                while (other < again.Length && again[other].Pfn < run.Pfn)
                {
                    other++;
                }

                bool isSame = other < again.Length && again[other].Pfn == run.Pfn && again[other].Count == run.Count
                    && again[other].HeadPfn == run.HeadPfn && again[other].State.IsSameUse(run.State);
                if (isSame || HasNoOwner(owners[index]) || TrySettle(ref run, ref owners[index], needs))
                {
                    AddOwned(run, owners[index]);
                }
                else
                {
                    AddOwned(run with { State = new FrameState { Order = FrameState.UnknownOrder } }, default);
                }
            }
        }

        private static bool HasNoOwner(in FrameOwner owner) => owner == default;

        /// <summary>Looks up the owner of a frame that changed, until it is the same before and after.</summary>
        private bool TrySettle(ref FrameRun run, ref FrameOwner owner, FrameOwnerKinds needs)
        {
            Span<FrameSample> samples = stackalloc FrameSample[1];
            Span<ulong> pfn = [run.Pfn];
            _sampler.Read(pfn, samples);
            for (int attempt = 0; attempt < MaxAttempts; attempt++)
            {
                FrameSample before = samples[0];
                _owners.Refresh();
                owner = _owners.Of(before.State, needs);
                _sampler.Read(pfn, samples);
                if (before.IsSameUse(samples[0]))
                {
                    run = run with { HeadPfn = before.HeadPfn, State = before.State };
                    return true;
                }
            }

            return false;
        }

        private void AddOwned(in FrameRun run, in FrameOwner owner)
        {
            if (!filter.MayMatch(run.State) || !filter.Matches(owner))
            {
                return;
            }

            if (grouping is not (PageFrameGrouping.File or PageFrameGrouping.Slab or PageFrameGrouping.Cgroup))
            {
                AddWithoutOwner(run);
                return;
            }

            Tallied(run.State, (ulong)run.Count);
            string? name = grouping switch
            {
                PageFrameGrouping.File => owner.File?.Name,
                PageFrameGrouping.Slab => owner.Slab?.Name,
                _ => owner.Cgroup is FrameCgroup cgroup ? cgroup.Path ?? $"(cgroup of inode {cgroup.Inode})" : null,
            };
            Add(name is null ? KindKey(run.State.Kind)
                : new GroupKey(name, grouping == PageFrameGrouping.Cgroup ? null : run.State.Kind, null), (ulong)run.Count);
        }

        private static GroupKey KindKey(PageFrameKind kind) => new(s_kindNames[(int)kind], kind, null);

        private static readonly string[] s_kindNames = [.. Kinds.Select(kind => $"({kind})")];

        private void Add(GroupKey key, ulong count) => CollectionsMarshal.GetValueRefOrAddDefault(_counts, key, out _) += count;

        private void Tallied(in FrameState state, ulong count)
        {
            _byKind[(int)state.Kind] += count;
            if (state.Kind == PageFrameKind.Zero && state.Order == 0)
            {
                ReservedZeros += count;
            }
        }
    }
}

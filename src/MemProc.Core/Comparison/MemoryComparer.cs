namespace MemProc;

/// <summary>Compares the memory of two targets: cores, processes, or two moments of one process.</summary>
/// <param name="previous">The target before.</param>
/// <param name="current">The target after.</param>
/// <param name="options">What is compared.</param>
/// <param name="cancellation">Stops the comparison.</param>
public sealed class MemoryComparer(
    MemoryTarget previous, MemoryTarget current, ComparisonOptions options, CancellationToken cancellation = default)
{
    private readonly DateTime _time = current is CoreFile core ? core.Time.LocalDateTime : DateTime.Now;
    private readonly ComparisonTally _tally = new();
    private ProcMap[]? _before;
    private ProcMap[]? _after;

    /// <summary>Called several times a second with the progress, on the caller's thread.</summary>
    public Action<SearchProgress>? Progress { get; init; }

    /// <summary>Called once for each reason why answers are incomplete.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>What the target before is called in the summary; null: the path of its core.</summary>
    public string? PreviousName { get; init; }

    /// <summary>Samples of the memory before, by which mappings are recognized that moved; null: taken from the target.</summary>
    public MapSamples? PreviousSamples { get; init; }

    /// <summary>
    /// The process that results are about, and that has the symbols, where the target after is only a copy of it; null: the
    /// target after.
    /// </summary>
    public MemoryTarget? Live { get; init; }

    /// <summary>One of the two is a core without memory, so that there is no content to compare.</summary>
    public bool HasLayoutOnly => HasNoContent(previous) || HasNoContent(current);

    /// <summary>Both have a page table: a process, or a core with page information.</summary>
    public bool HasPages => previous is not CoreFile { HasPageInfo: false } && current is not CoreFile { HasPageInfo: false };

    private ProcessIdentity Identity => (Live ?? current).Identity;

    private ProcMap[] Before => _before ??= [.. MapReader.Read(previous, cancellation)];

    private ProcMap[] After => _after ??= [.. MapReader.Read(current, cancellation)];

    /// <summary>Returns the changes of the mappings, in address order.</summary>
    /// <exception cref="MemProcException">ReadMaps failed.</exception>
    public IEnumerable<ProcMapChange> CompareMaps() =>
        new MapComparer(previous, current, Identity, PreviousSamples ?? new MapSamples(previous, cancellation),
            new MapSamples(HasNoContent(current) ? Live ?? current : current, cancellation)).Compare(Before, After, options.Range, options.Filter);

    /// <summary>Returns the changes of the pages that are mapped before and after, in address order.</summary>
    /// <exception cref="MemProcException">
    /// ReadMaps failed. ReadPageMap: EACCES without ptrace access; ENODATA where a core has no page information.
    /// </exception>
    public IEnumerable<PageChange> ComparePages()
    {
        PageComparer pages = new(previous, current, Identity, cancellation);
        foreach (PageChange change in pages.Compare(Pairs()))
        {
            yield return change;
        }

        if (pages.HasHiddenFrames)
        {
            Warn?.Invoke("Frame numbers were hidden: pages that only moved to another frame are not found. "
                + CallerRights.Read().Explain([MemProc.Interop.Capability.SysAdmin]));
        }
    }

    /// <summary>Compares the content, and keeps the differences until their sums are known.</summary>
    /// <param name="keepDifferences">Whether the differences are needed, or only the sums.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap, ReadMemory: no access; ESRCH where the process exits. WriteFile: the differences cannot be kept.
    /// </exception>
    public ContentComparison CompareContent(bool keepDifferences = true)
    {
        DifferenceLog log = new();
        try
        {
            foreach (FoundDifference difference in Find())
            {
                if (keepDifferences)
                {
                    log.Add(difference);
                }
            }

            return new ContentComparison(Summary(), log, Described(log.Read()));
        }
        catch
        {
            log.Dispose();
            throw;
        }
    }

    /// <summary>Returns the differences of the content as they are found, in address order.</summary>
    /// <inheritdoc cref="CompareContent" path="/exception"/>
    public IEnumerable<MemoryDifference> Differences() => Described(Find());

    /// <summary>The sums so far; complete after the last difference.</summary>
    public MemoryComparison Summary() => new(Identity)
    {
        Previous = PreviousName ?? previous.CorePath ?? $"process {previous.Identity}",
        PreviousTime = previous is CoreFile core ? core.Time.LocalDateTime : _time,
        Time = _time,
        ComparedBytes = _tally.ComparedBytes,
        ChangedBytes = _tally.ChangedBytes,
        DifferenceCount = _tally.DifferenceCount,
        AddedBytes = _tally.AddedBytes,
        RemovedBytes = _tally.RemovedBytes,
        PreviousGapBytes = _tally.PreviousGapBytes,
        GapBytes = _tally.GapBytes,
        Maps = _tally.Maps(Identity),
        Gaps = _tally.Gaps(),
        HasMoreGaps = _tally.HasMoreGaps,
    };

    private static bool HasNoContent(MemoryTarget target) => target is CoreFile { SavedBytes: 0 };

    private IEnumerable<MapPair> Pairs() => MapPairs.Of(Before, After, options.Range)
        .Where(pair => (pair.Previous is not null && options.Filter.Matches(pair.Previous))
            || (pair.Current is not null && options.Filter.Matches(pair.Current)))
        .Where(pair => MapComparer.AreComplete(previous, current)
            || pair is { Previous: not null, Current: not null } || !MapComparer.IsOfKernel((pair.Previous ?? pair.Current)!));

    /// <summary>Finds the differences on several processors, and joins those that continue over the end of a piece.</summary>
    private IEnumerable<FoundDifference> Find()
    {
        MemoryLayout? layout = options.Layout?.For(DataModel.Of(current));
        ComparisonOptions actual = options with { Layout = layout };
        int stride = layout is null ? 1 : Math.Max(layout.SizeBytes, 1);
        MapPair[] pairs = [.. Pairs()];
        ulong all = Math.Max(1, pairs.Aggregate(0UL, (sum, pair) => sum + pair.Range.SizeBytes));
        ComparisonPlan plan = new(pairs, new MemoryExtents(previous, options.IncludeNotResident, cancellation),
            new MemoryExtents(current, options.IncludeNotResident, cancellation), (ulong)stride, options.Start, _tally);
        MapMemoryReader before = new(previous, cancellation), after = new(current, cancellation);
        OrderedPipeline<ComparisonChunk> pipeline = new(() => new ComparisonChunk(actual, stride, options.Start), plan.TryFill,
            (chunk, _) =>
            {
                chunk.Read(before, after, _tally);
                return chunk.Compare();
            },
            cancellation)
        {
            Workers = options.Workers,
            Waiting = () => Report(pairs, all),
        };
        FoundDifference? open = null;
        foreach (ComparisonChunk chunk in pipeline.Run())
        {
            foreach (FoundDifference found in chunk.Found)
            {
                FoundDifference? joined = layout is null ? open?.TryJoin(found, options.JoinBytes, options.RunBytes) : null;
                if (open is not null && joined is null)
                {
                    yield return Counted(open);
                }

                open = joined ?? found;
            }

            Report(pairs, all);
        }

        if (open is not null)
        {
            yield return Counted(open);
        }

        previous.ThrowIfExited(Operation.CompareMemory);
        current.ThrowIfExited(Operation.CompareMemory);
    }

    private FoundDifference Counted(FoundDifference difference)
    {
        _tally.AddDifference(difference, MapAt(difference.Address));
        return difference;
    }

    private void Report(MapPair[] pairs, ulong all)
    {
        if (Progress is null)
        {
            return;
        }

        ulong passed = 0, end = _tally.PassedTo;
        foreach (MapPair pair in pairs)
        {
            passed += pair.Range.Clip(new AddressRange(0, end)).SizeBytes;
        }

        Progress(new SearchProgress(_tally.ComparedBytes, passed, all));
    }

    /// <summary>Adds what the addresses belong to.</summary>
    private IEnumerable<MemoryDifference> Described(IEnumerable<FoundDifference> found)
    {
        MemoryLayout? layout = options.Layout?.For(DataModel.Of(current));
        using Symbolizer symbolizer = new(Live ?? current, null, cancellation) { Warn = Warn };
        bool hasSymbols = TryBegin(symbolizer);
        foreach (FoundDifference difference in found)
        {
            cancellation.ThrowIfCancellationRequested();
            ProcMap? map = MapAt(difference.Address);
            ResolvedAddress? place = hasSymbols ? symbolizer.Locate(difference.Address) : null;
            if (layout is null)
            {
                yield return new MemoryDifference(Identity, difference.Address, map, place)
                {
                    Length = difference.Length,
                    ChangedBytes = difference.ChangedBytes,
                    PreviousBytes = new(difference.Previous),
                    Bytes = new(difference.Current),
                };
                continue;
            }

            foreach (MemoryDifference field in Fields(difference, layout, map, place, hasSymbols ? symbolizer : null))
            {
                yield return field;
            }
        }
    }

    private IEnumerable<MemoryDifference> Fields(
        FoundDifference difference, MemoryLayout layout, ProcMap? map, ResolvedAddress? place, Symbolizer? symbolizer)
    {
        foreach (MemoryField field in layout.Fields)
        {
            byte[] before = difference.Previous.AsSpan(field.Offset, field.Type.SizeBytes).ToArray();
            byte[] after = difference.Current.AsSpan(field.Offset, field.Type.SizeBytes).ToArray();
            if (before.AsSpan().SequenceEqual(after))
            {
                continue;
            }

            bool isStruct = field.Name.Length > 0;
            ulong address = difference.Address + (ulong)field.Offset;
            yield return new MemoryDifference(
                Identity, address, map, isStruct ? symbolizer?.Locate(address) : place)
            {
                Length = (ulong)before.Length,
                ChangedBytes = (ulong)before.Zip(after).Count(pair => pair.First != pair.Second),
                PreviousBytes = new(before),
                Bytes = new(after),
                Type = field.Type.ToString(),
                Field = isStruct ? field.Name : null,
                RecordAddress = isStruct ? difference.Address : null,
                PreviousValue = field.Type.Decode(before, options.IsBigEndian, options.Encoding),
                Value = field.Type.Decode(after, options.IsBigEndian, options.Encoding),
            };
        }
    }

    /// <summary>Whether names can be looked up: the process can have exited since.</summary>
    private bool TryBegin(Symbolizer symbolizer)
    {
        try
        {
            symbolizer.Begin();
            return true;
        }
        catch (MemProcException error)
        {
            Warn?.Invoke($"The differences have no symbols: {error.Message}");
            return false;
        }
    }

    private ProcMap? MapAt(ulong address)
    {
        ProcMap[] maps = After;
        int low = 0;
        for (int high = maps.Length; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = maps[middle].End > address ? (low, middle) : (middle + 1, high);
        }

        return low < maps.Length && maps[low].Contains(address) ? maps[low] : null;
    }
}

/// <summary>The sums of a comparison, and its differences.</summary>
public sealed class ContentComparison : IDisposable
{
    private readonly DifferenceLog _log;

    internal ContentComparison(MemoryComparison summary, DifferenceLog log, IEnumerable<MemoryDifference> differences)
    {
        Summary = summary;
        _log = log;
        Differences = differences;
    }

    /// <summary>The sums.</summary>
    public MemoryComparison Summary { get; }

    /// <summary>The differences, in address order; to be enumerated once, before the disposal.</summary>
    public IEnumerable<MemoryDifference> Differences { get; }

    /// <inheritdoc/>
    public void Dispose() => _log.Dispose();
}

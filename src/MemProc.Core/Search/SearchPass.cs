namespace MemProc;

/// <summary>One pass over the memory of a process: several processors read it and work on it, piece by piece.</summary>
/// <param name="process">The process.</param>
/// <param name="range">Which of its memory.</param>
/// <param name="pattern">What is searched for.</param>
/// <param name="context">Bytes on either side of a match that are read, too.</param>
/// <param name="cancellation">Stops the pass.</param>
internal sealed class SearchPass(
    MemoryTarget process, SearchRange range, SearchPattern pattern, int context, CancellationToken cancellation)
{
    private readonly Lock _counting = new();
    private readonly MemoryReader _reader =
        new(process, range.Method, cancellation) { AllowUserfault = range.AllowUserfault };

    private ulong _searched;
    private ulong _failed;
    private ulong _userfault;
    private ulong _passed;

    /// <summary>Processors that take part.</summary>
    public required int Workers { get; init; }

    /// <summary>
    /// Bytes that a worker reads and works on at a time: few enough to stay in its processor's cache. More where matches
    /// are that long.
    /// </summary>
    public int ChunkBytes { get; init; } = 1024 * 1024;

    /// <summary>Called several times a second with the progress, on the caller's thread.</summary>
    public Action<SearchProgress>? Progress { get; init; }

    /// <summary>Whether mappings without read permission are read, too.</summary>
    public bool ReadsClosed => _reader.Method is ReadMethod.Mem or ReadMethod.Core;

    /// <summary>What was left out so far.</summary>
    public SearchSkips Skips { get; private set; }

    /// <summary>Bytes that were searched so far.</summary>
    public ulong SearchedBytes { get; private set; }

    /// <summary>
    /// Returns the pieces that have a result, in address order. A piece is used again once the next one is asked for.
    /// </summary>
    /// <param name="work">Works on a piece that was read, on a worker's thread. Returns whether it has a result.</param>
    /// <exception cref="MemProcException">
    /// FindMap: ENOENT when nothing is mapped in the range. ReadMaps, ReadPageMap, ReadMemory: no access.
    /// </exception>
    public IEnumerable<SearchChunk> Run(Func<SearchChunk, CancellationToken, bool> work)
    {
        int before = Math.Max(context, pattern.LookBehind);
        // An expression sees whether the end of a match of maximum length is also the end of the memory.
        int after = pattern.MaxMatchLength - (pattern.CanOverlap ? 1 : 0) + context;
        SearchPlan plan = new(process, range, _reader.Method, before, after, cancellation);
        // There can be a search for each of many small mappings.
        int most = range.End - range.Start < (ulong)ChunkBytes ? (int)(range.End - range.Start) + before + after : ChunkBytes;
        int bytes = Math.Max(most, before + after) + (int)MachinePage.SizeBytes;
        OrderedPipeline<SearchChunk> pipeline = new(() => new SearchChunk(pattern, bytes), plan.TryFill,
            (chunk, stopped) =>
            {
                chunk.Read(_reader);
                bool hasResult = work(chunk, stopped);
                Count(chunk);
                return hasResult;
            },
            cancellation)
        {
            Workers = Workers,
            Waiting = () => Report(plan),
        };
        foreach (SearchChunk chunk in pipeline.Run())
        {
            yield return chunk;
            Report(plan);
        }

        Report(plan);
    }

    private void Count(SearchChunk chunk)
    {
        lock (_counting)
        {
            _searched += chunk.SearchedBytes - chunk.FailedBytes - chunk.UserfaultBytes;
            _failed += chunk.FailedBytes;
            _userfault += chunk.UserfaultBytes;
            _passed = Math.Max(_passed, chunk.PassedBytes);
        }
    }

    private void Report(SearchPlan plan)
    {
        SearchProgress progress;
        lock (_counting)
        {
            SearchedBytes = _searched;
            Skips = plan.Skips with { FailedBytes = _failed, UserfaultBytes = _userfault };
            progress = new SearchProgress(_searched, _passed, plan.MappedBytes);
        }

        Progress?.Invoke(progress);
    }
}

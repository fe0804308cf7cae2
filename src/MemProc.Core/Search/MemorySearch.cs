namespace MemProc;

/// <summary>Searches the memory of a process.</summary>
/// <param name="process">The process.</param>
/// <param name="pattern">What is searched for.</param>
/// <param name="cancellation">Stops the search.</param>
public sealed class MemorySearch(
    MemoryTarget process, SearchPattern pattern, CancellationToken cancellation = default)
{
    /// <summary>Maximum number of context bytes on either side of a match.</summary>
    public const int MaxContextBytes = 64 * 1024;

    private SearchPass? _pass;

    /// <summary>Which memory is searched.</summary>
    public SearchRange Range { get; init; } = SearchRange.All;

    /// <summary>Bytes on either side of a match that are returned, too; at most <see cref="MaxContextBytes"/>.</summary>
    public int Context { get; init; }

    /// <summary>Processors that take part; more than four gain nothing, since memory is the limit.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <summary>
    /// Bytes that a worker reads and searches at a time: few enough to stay in its processor's cache. More where matches
    /// are that long.
    /// </summary>
    public int ChunkBytes { get; init; } = 1024 * 1024;

    /// <summary>Called several times a second with the progress, on the caller's thread.</summary>
    public Action<SearchProgress>? Progress { get; init; }

    /// <summary>What was left out so far; complete after the last match.</summary>
    public SearchSkips Skips => _pass?.Skips ?? default;

    /// <summary>Bytes that were searched so far.</summary>
    public ulong SearchedBytes => _pass?.SearchedBytes ?? 0;

    /// <summary>Returns the matches as they are found, in address order.</summary>
    /// <exception cref="MemProcException">
    /// SearchMemory: ESRCH when the process exits meanwhile, ETIMEDOUT when an expression takes too long. FindMap:
    /// ENOENT when nothing is mapped in the range. ReadMaps, ReadPageMap, ReadMemory: no access.
    /// </exception>
    public IEnumerable<MemoryMatch> Find()
    {
        SearchPass pass = new(process, Range, pattern, Context, cancellation)
        {
            // A second one has nothing to do.
            Workers = Range.End - Range.Start <= (ulong)ChunkBytes ? 1 : Workers,
            ChunkBytes = ChunkBytes,
            Progress = Progress,
        };
        _pass = pass;
        ulong matchedEnd = 0;
        foreach (SearchChunk chunk in pass.Run((chunk, stopped) => chunk.FindNext(stopped)))
        {
            if (!pattern.CanOverlap && chunk.Windows[0].FromAddress < matchedEnd)
            {
                chunk.Restart(matchedEnd);
                FindNext(chunk);
            }

            for (int map = 0; chunk.Found.Length > 0; FindNext(chunk))
            {
                for (int index = 0; index < chunk.Found.Length; index++)
                {
                    FoundMatch found = chunk.Found[index];
                    yield return Match(chunk, found, ref map);
                    matchedEnd = chunk.Window.AddressOf(found.Offset + found.Length);
                }
            }
        }

        process.ThrowIfExited(Operation.SearchMemory);
    }

    /// <summary>Finds more matches, as work that can be abandoned: an expression that takes long cannot be interrupted.</summary>
    private void FindNext(SearchChunk chunk)
    {
        if (chunk.IsDone)
        {
            chunk.Reset();
            return;
        }

        BlockingWork.Run(() => chunk.FindNext(cancellation), cancellation);
    }

    private MemoryMatch Match(SearchChunk chunk, FoundMatch found, ref int map)
    {
        SearchWindow window = chunk.Window;
        ulong address = window.AddressOf(found.Offset);
        while (chunk.Maps[map].End <= address)
        {
            map++;
        }

        byte[] bytes = chunk.Buffer[found.Offset..(found.Offset + found.Length)];
        object? value = pattern.ValueOf(bytes);
        if (Context == 0)
        {
            return new MemoryMatch(process.Identity, chunk.Maps[map], address, bytes, pattern.Type, value);
        }

        int start = Math.Max(window.Start, found.Offset - Context);
        int end = Math.Min(window.End, found.Offset + found.Length + Context);
        return new MemoryMatchInContext(process.Identity, chunk.Maps[map], address, bytes, pattern.Type, value,
            window.AddressOf(start), chunk.Buffer[start..end]);
    }
}

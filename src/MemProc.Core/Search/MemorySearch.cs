namespace MemProc;

/// <summary>Searches the memory of a process.</summary>
/// <param name="process">The process.</param>
/// <param name="pattern">What is searched for.</param>
/// <param name="cancellation">Stops the search.</param>
public sealed class MemorySearch(
    LinuxProcess process, SearchPattern pattern, CancellationToken cancellation = default)
{
    /// <summary>The most bytes of context on either side of a match.</summary>
    public const int MostContext = 64 * 1024;

    /// <summary>Which memory.</summary>
    public SearchRange Range { get; init; } = SearchRange.All;

    /// <summary>Bytes on either side of a match that are wanted too, at most <see cref="MostContext"/>.</summary>
    public int Context { get; init; }

    /// <summary>Processors that take part; more than four gain nothing, since memory is the limit.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <summary>
    /// Bytes that a worker reads and searches at a time: few enough to stay in a processor's cache. More where matches
    /// are that long.
    /// </summary>
    public int PieceBytes { get; init; } = 1024 * 1024;

    /// <summary>Told now and then how far the search is; on the caller's thread.</summary>
    public Action<SearchProgress>? Progress { get; init; }

    /// <summary>What was left out so far; all of it when the last match has come.</summary>
    public SearchSkips Skips { get; private set; }

    /// <summary>Bytes that were searched so far.</summary>
    public ulong SearchedBytes { get; private set; }

    /// <summary>The matches, in address order, as they are found.</summary>
    /// <exception cref="MemProcException">
    /// SearchMemory: ESRCH where the process exits meanwhile, ETIMEDOUT where an expression takes too long. FindMap:
    /// ENOENT where nothing is mapped in the range. ReadMaps, ReadPageMap, ReadMemory: no access.
    /// </exception>
    public IEnumerable<MemoryMatch> Find()
    {
        MemoryReader reader = new(process, Range.Method, cancellation);
        int behind = Math.Max(Context, pattern.LookBehind);
        // An expression sees whether a match of the longest length is the end of the memory.
        int ahead = pattern.LongestMatch - (pattern.CanOverlap ? 1 : 0) + Context;
        SearchPlan plan = new(process, Range, reader.Method, behind, ahead, cancellation);
        int bytes = Math.Max(PieceBytes, behind + ahead + (int)MachinePage.SizeBytes);
        OrderedPieces pieces = new(plan, reader, Math.Max(Workers, 1), () => new SearchPiece(pattern, bytes),
            piece => piece.FindMore(cancellation), cancellation);
        ulong carried = 0;
        foreach (SearchPiece piece in pieces.Run(Tell))
        {
            if (!pattern.CanOverlap && piece.Windows is [{ } first, ..] && first.AddressOf(first.From) < carried)
            {
                piece.Restart(carried);
                FindMore(piece);
            }

            int map = 0;
            while (piece.FoundCount > 0)
            {
                for (int index = 0; index < piece.FoundCount; index++)
                {
                    FoundMatch found = piece.Found[index];
                    yield return Match(piece, found, ref map);
                    carried = piece.Window.AddressOf(found.Offset + found.Length);
                }

                FindMore(piece);
            }

            Tell();
        }

        Tell();
        process.ThrowIfExited(Operation.SearchMemory);

        void Tell()
        {
            SearchedBytes = pieces.SearchedBytes - pieces.FailedBytes;
            Skips = plan.Skips with { FailedBytes = pieces.FailedBytes };
            Progress?.Invoke(new SearchProgress(SearchedBytes, pieces.PassedBytes, plan.MappedBytes));
        }
    }

    /// <summary>Finds what did not fit before, or nothing; an expression that takes its time can be stopped.</summary>
    private void FindMore(SearchPiece piece)
    {
        if (piece.IsDone)
        {
            piece.Forget();
            return;
        }

        try
        {
            Task.Run(() => piece.FindMore(cancellation), CancellationToken.None).Wait(cancellation);
        }
        catch (AggregateException error) when (error.InnerException is Exception inner)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(inner);
        }
    }

    private MemoryMatch Match(SearchPiece piece, FoundMatch found, ref int map)
    {
        SearchWindow window = piece.Window;
        ulong address = window.AddressOf(found.Offset);
        while (piece.Maps[map].End <= address)
        {
            map++;
        }

        byte[] bytes = piece.Buffer[found.Offset..(found.Offset + found.Length)];
        object? value = pattern.ValueOf(bytes);
        if (Context == 0)
        {
            return new MemoryMatch(process.Identity, piece.Maps[map], address, bytes, pattern.Type, value);
        }

        int start = Math.Max(window.Start, found.Offset - Context);
        int end = Math.Min(window.End, found.Offset + found.Length + Context);
        return new MemoryMatchInContext(process.Identity, piece.Maps[map], address, bytes, pattern.Type, value,
            window.AddressOf(start), piece.Buffer[start..end]);
    }
}

using System.Diagnostics;
using System.Runtime.InteropServices;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Searches the memory of many processes, and each page frame once, however many of them share it. All owners of a match
/// are named.
/// </summary>
/// <remarks>
/// A page is searched in the first process that maps its frame. A match across the border of two pages is found also where
/// only one process has these two next to each other. Memory is bounded: four bytes and a bit for each frame of the machine.
/// </remarks>
/// <param name="processIds">The processes.</param>
/// <param name="patternOf">Returns the pattern for a process: the size of pointers can differ.</param>
/// <param name="cancellation">Stops the search.</param>
public sealed class HostSearch(
    IReadOnlyList<int> processIds, Func<LinuxProcess, SearchPattern> patternOf, CancellationToken cancellation = default)
{
    /// <summary>Matches whose owners are looked up together: each lookup reads all page tables.</summary>
    private const int MaxPending = 4096;

    /// <summary>How long a match may wait for others.</summary>
    private static readonly TimeSpan PendingTimeout = TimeSpan.FromSeconds(1);

    private readonly FrameSet _seen = new();
    private readonly FrameSuccessors _successors = new();

    /// <summary>Which memory of each process is searched. Pages that are not resident have no frame and are left out.</summary>
    public SearchRange Range { get; init; } = SearchRange.All;

    /// <summary>Number of matches after which the caller stops; the owners of the first ones are not held back for more.</summary>
    public ulong First { get; init; } = ulong.MaxValue;

    /// <summary>Called before each process with the number of processes done.</summary>
    public Action<int>? Visited { get; init; }

    /// <summary>Bytes that are resident in the searched mappings of all processes: what a search of each of them reads.</summary>
    public ulong MappedBytes { get; private set; }

    /// <summary>Bytes that were searched.</summary>
    public ulong SearchedBytes { get; private set; }

    /// <summary>Processes that were searched.</summary>
    public int ProcessCount { get; private set; }

    /// <summary>Returns the matches, by process, and in address order in each.</summary>
    /// <param name="fail">
    /// Called for each process that cannot be searched. One that exits meanwhile is left out without an error.
    /// </param>
    /// <param name="warn">Called where frames are hidden, so that each process is searched on its own.</param>
    public IEnumerable<SharedMemoryMatch> Find(Action<MemProcException> fail, Action<string> warn)
    {
        bool areShared = AreFramesShown(warn);
        List<(MemoryMatch Match, ulong[] Pfns)> pending = [];
        long since = 0;
        for (int index = 0; index < processIds.Count; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            Visited?.Invoke(index);
            // Enumerated by hand, since a process that exits fails in the midst of it.
            using IEnumerator<(MemoryMatch Match, ulong[] Pfns)> found = In(processIds[index], areShared).GetEnumerator();
            while (TryMoveNext(found, fail))
            {
                since = pending.Count == 0 ? Stopwatch.GetTimestamp() : since;
                pending.Add(found.Current);
                if (pending.Count == MaxPending || (ulong)pending.Count >= First || Stopwatch.GetElapsedTime(since) > PendingTimeout)
                {
                    foreach (SharedMemoryMatch match in WithOwners(pending))
                    {
                        yield return match;
                    }

                    pending.Clear();
                }
            }
        }

        foreach (SharedMemoryMatch match in WithOwners(pending))
        {
            yield return match;
        }
    }

    private static bool TryMoveNext<T>(IEnumerator<T> found, Action<MemProcException> fail)
    {
        try
        {
            return found.MoveNext();
        }
        catch (MemProcException error)
        {
            if (error.Errno != Errno.ESRCH)
            {
                fail(error);
            }

            return false;
        }
    }

    private static bool AreFramesShown(Action<string> warn)
    {
        try
        {
            PopulatedPages.ThrowIfFramesHidden(KernelFiles.Default);
            return true;
        }
        catch (MemProcException error)
        {
            warn($"Each process is searched on its own, and memory that several share is searched several times: {error.Message}");
            return false;
        }
    }

    private IEnumerable<(MemoryMatch Match, ulong[] Pfns)> In(int processId, bool areShared)
    {
        using LinuxProcess process = LinuxProcess.Open(processId);
        if (process.IsKernelThread)
        {
            yield break;
        }

        SearchPattern pattern = patternOf(process);
        ulong reach = (ulong)Math.Max(pattern.MaxMatchLength - 1, pattern.LookBehind);
        FreshPages? fresh = areShared ? new FreshPages(process, _seen, _successors, reach, cancellation) : null;
        MemorySearch search = new(process, pattern, cancellation)
        {
            Range = fresh is null ? Range : Range.OfPages(fresh.Ranges),
        };
        try
        {
            foreach (MemoryMatch match in search.Find())
            {
                if (fresh?.IsFresh(match.Address, match.Address + match.Length) != false)
                {
                    yield return (match, areShared ? PfnsOf(process, match) : []);
                }
            }

            ProcessCount++;
        }
        finally
        {
            SearchedBytes += search.SearchedBytes;
            MappedBytes += fresh?.ResidentBytes ?? search.SearchedBytes;
        }
    }

    /// <summary>Returns the frames of the pages of a match; empty where one of them is not present any more.</summary>
    private static ulong[] PfnsOf(LinuxProcess process, MemoryMatch match)
    {
        ulong first = match.Address / MachinePage.SizeBytes, last = (match.Address + Math.Max(match.Length, 1) - 1) / MachinePage.SizeBytes;
        ulong[] entries = new ulong[last - first + 1];
        return Libc.TryPRead(process.PageMap, MemoryMarshal.AsBytes(entries.AsSpan()), first * sizeof(ulong), out int read)
            == Errno.None && read == entries.Length * sizeof(ulong)
            && Array.TrueForAll(entries, entry => new RawPageMapEntry(entry) is { IsPresent: true, IsPfnHidden: false })
            ? Array.ConvertAll(entries, entry => new RawPageMapEntry(entry).Pfn)
            : [];
    }

    private IEnumerable<SharedMemoryMatch> WithOwners(List<(MemoryMatch Match, ulong[] Pfns)> matches)
    {
        Dictionary<ulong, List<PfnOwner>> owners = [];
        // Where the pages after the first one are.
        HashSet<(ulong Pfn, int ProcessId, ulong Address)> followers = [];
        ulong[] pfns = [.. matches.SelectMany(match => match.Pfns).Distinct()];
        HashSet<ulong> following = [.. matches.SelectMany(match => match.Pfns.Skip(1))];
        if (pfns.Length > 0)
        {
            // A process that cannot be read was reported when it was searched.
            foreach (PfnOwner owner in new PfnSearch(pfns).In(processIds, _ => { }, _ => { }, cancellation))
            {
                if (!owners.TryGetValue(owner.Pfn, out List<PfnOwner>? known))
                {
                    owners[owner.Pfn] = known = [];
                }

                known.Add(owner);
                if (following.Contains(owner.Pfn))
                {
                    followers.Add((owner.Pfn, owner.ProcessId, owner.Address));
                }
            }
        }

        foreach ((MemoryMatch match, ulong[] frames) in matches)
        {
            ulong offset = match.Address % MachinePage.SizeBytes;
            IEnumerable<MemoryMatchOwner> found = frames.Length > 0 && owners.TryGetValue(frames[0], out List<PfnOwner>? known)
                ? known.Where(owner => HasAll(owner, frames)).Select(owner => new MemoryMatchOwner(
                    owner.ProcessId, owner.ProcessName, owner.Address + offset, owner.Permissions, owner.Path))
                : [];
            MemoryMatchOwner own = new(match.ProcessId, match.ProcessName, match.Address, match.Permissions ?? string.Empty, match.Path ?? string.Empty);
            // The pages can have other frames by now.
            yield return new SharedMemoryMatch(match, match.Map,
                [.. found.Append(own).DistinctBy(owner => (owner.ProcessId, owner.Address)).OrderBy(owner => owner.ProcessId).ThenBy(owner => owner.Address)]);
        }

        bool HasAll(PfnOwner owner, ulong[] frames)
        {
            for (int index = 1; index < frames.Length; index++)
            {
                if (!followers.Contains((frames[index], owner.ProcessId, owner.Address + (ulong)index * MachinePage.SizeBytes)))
                {
                    return false;
                }
            }

            return true;
        }
    }
}

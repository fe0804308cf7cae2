using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Walks the populated pages of a process: pages that are present, in swap, guarded or write-protected. Pages come in
/// ranges through one buffer, which the next range overwrites.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="cancellation">Stops the walk.</param>
internal sealed class PopulatedPages(MemoryTarget process, CancellationToken cancellation = default)
{
    private PageMapReader? _reader;

    /// <summary>What the walk is for: the operation of the error where the process exits before its end.</summary>
    public Operation Operation { get; init; } = Operation.ReadPageMap;

    /// <inheritdoc cref="PageMapReader.DetectHuge"/>
    public bool DetectHuge { get; init; }

    /// <summary>Whether the pages that are not populated are included.</summary>
    public bool IncludeEmpty { get; init; }

    private PageMapReader Reader => _reader ??= new PageMapReader(process, cancellation) { DetectHuge = DetectHuge };

    /// <summary>Returns the pages of a range with their mappings, in address order.</summary>
    /// <param name="range">The addresses; their whole pages count.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap: EACCES without ptrace access. ESRCH where the process exits before the end of the walk.
    /// </exception>
    public IEnumerable<(ProcMap Map, PageMapRange Pages)> In(AddressRange range) => In(Maps(range), range);

    /// <summary>Returns the pages of some mappings.</summary>
    /// <param name="maps">The mappings.</param>
    /// <param name="range">The addresses; their whole pages count.</param>
    /// <inheritdoc cref="In(AddressRange)" path="/exception"/>
    public IEnumerable<(ProcMap Map, PageMapRange Pages)> In(IEnumerable<ProcMap> maps, AddressRange range)
    {
        foreach ((ProcMap map, IEnumerable<PageMapRange> ranges) in ByMap(maps, range))
        {
            foreach (PageMapRange pages in ranges)
            {
                yield return (map, pages);
            }
        }
    }

    /// <summary>Returns mappings, those without pages included, each with its pages.</summary>
    /// <param name="maps">The mappings.</param>
    /// <param name="range">The addresses; their whole pages count.</param>
    /// <inheritdoc cref="In(AddressRange)" path="/exception"/>
    public IEnumerable<(ProcMap Map, IEnumerable<PageMapRange> Pages)> ByMap(
        IEnumerable<ProcMap> maps, AddressRange range)
    {
        foreach (ProcMap map in maps)
        {
            yield return (map, Of(map, range));
        }

        process.ThrowIfExited(Operation);
    }

    /// <summary>
    /// Returns the pages of one mapping. A process that exits can look like one without pages: call
    /// <see cref="MemoryTarget.ThrowIfExited"/> after the last mapping.
    /// </summary>
    /// <param name="map">The mapping.</param>
    /// <param name="range">The addresses; their whole pages count.</param>
    /// <exception cref="MemProcException">ReadPageMap: EACCES without ptrace access.</exception>
    public IEnumerable<PageMapRange> Of(ProcMap map, AddressRange range)
    {
        // The vsyscall page is in the list of mappings, but not in the page table of the process.
        if (map.Kind == ProcMapKind.Vsyscall)
        {
            return [];
        }

        AddressRange part = new AddressRange(map.Start, map.End).Clip(range.Pages);
        return IncludeEmpty ? Reader.ReadAll(part.Start, part.End) : Reader.ReadPopulated(part.Start, part.End);
    }

    /// <summary>Returns the mappings of a range, in address order.</summary>
    /// <param name="range">The addresses.</param>
    /// <exception cref="MemProcException">ReadMaps failed.</exception>
    public IEnumerable<ProcMap> Maps(AddressRange range) => range == AddressRange.All
        ? MapReader.Read(process, cancellation)
        : MapReader.Between(process, range.Start, range.End, cancellation);

    /// <summary>Throws where the kernel hides frame numbers from this user.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">EPERM.</exception>
    public static void ThrowIfFramesHidden(KernelFiles files)
    {
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId, files: files);
        foreach ((_, PageMapRange pages) in new PopulatedPages(self).In(AddressRange.All))
        {
            foreach (ulong entry in pages.Entries.Span)
            {
                RawPageMapEntry page = new(entry);
                if (page.IsPfnHidden)
                {
                    throw PageMapReader.FramesHidden();
                }

                if (page.IsPresent)
                {
                    return;
                }
            }
        }
    }
}

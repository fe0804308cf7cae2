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

    /// <inheritdoc cref="PageMapReader.OnlyFiles"/>
    public bool OnlyFiles { get; init; }

    /// <summary>
    /// Whether the end of a walk checks that the process has not exited. It costs more than a small mapping: who walks many
    /// checks it at the end.
    /// </summary>
    public bool ChecksExit { get; init; } = true;

    private PageMapReader Reader => _reader ??= new PageMapReader(process, cancellation)
    {
        DetectHuge = DetectHuge,
        OnlyFiles = OnlyFiles,
    };

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

        if (ChecksExit)
        {
            process.ThrowIfExited(Operation);
        }
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

    /// <summary>Returns mappings, the large ones cut so that several processors have work.</summary>
    /// <param name="maps">The mappings.</param>
    /// <param name="range">The addresses that count.</param>
    /// <param name="partBytes">Bytes of a part, a multiple of the page size.</param>
    /// <param name="maxParts">
    /// Maximum number of parts of a mapping, so that reservations of terabytes are not cut into millions: their parts are larger.
    /// </param>
    public static IEnumerable<(ProcMap Map, AddressRange Part)> Parts(
        IEnumerable<ProcMap> maps, AddressRange range, ulong partBytes, ulong maxParts)
    {
        foreach (ProcMap map in maps)
        {
            AddressRange part = new AddressRange(map.Start, map.End).Clip(range);
            ulong size = Math.Max(partBytes, MachinePage.Ceiling(map.SizeBytes / maxParts));
            for (ulong at = part.Start; at < part.End;)
            {
                ulong next = at + Math.Min(size, part.End - at);
                yield return (map, new AddressRange(at, next));
                at = next;
            }
        }
    }

    /// <summary>Throws where the kernel hides frame numbers from this user.</summary>
    /// <param name="files">Where procfs is.</param>
    /// <exception cref="MemProcException">EPERM.</exception>
    public static void ThrowIfFramesHidden(KernelFiles files)
    {
        using LinuxProcess self = LinuxProcess.OpenSelf(files);
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

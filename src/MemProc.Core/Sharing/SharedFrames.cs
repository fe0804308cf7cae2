using MemProc.Interop;

namespace MemProc;

/// <summary>The frames of a process that other processes may map too.</summary>
internal sealed class SharedFrames
{
    /// <summary>Frames of zero pages: one, and those of the huge zero page.</summary>
    private const int MaxZeroPages = 1024;

    private readonly FrameSet _frames;

    private SharedFrames(FrameSet frames, bool isEmpty, bool areFiles)
    {
        _frames = frames;
        IsEmpty = isEmpty;
        AreFiles = areFiles;
    }

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty { get; }

    /// <summary>
    /// Whether all are frames of files or shared memory, or zero pages. That is a property of the frame: every process that
    /// maps one has such a page there.
    /// </summary>
    public bool AreFiles { get; }

    /// <summary>
    /// Reads the frames of a process. Those that the kernel reports as mapped once are not among them, unless the process
    /// maps them several times.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the read.</param>
    /// <exception cref="MemProcException">ReadMaps, ReadPageMap failed.</exception>
    public static SharedFrames Of(LinuxProcess process, CancellationToken cancellation)
    {
        bool knowsExclusive = (PageMapSupport.UnknownBits(process.Files) & PageMapSupport.Exclusive) == 0;
        FrameSet shared = new();
        FrameSet alone = new();
        bool isEmpty = true;
        // The zero page, and the huge one, are there in most processes.
        HashSet<ulong> others = [];
        foreach ((_, PageMapRange pages) in new PopulatedPages(process, cancellation).In(AddressRange.All))
        {
            foreach (ulong entry in pages.Entries.Span)
            {
                RawPageMapEntry page = new(entry);
                if (page.Pfn == 0 || (knowsExclusive && page.IsExclusive && alone.Add(page.Pfn)))
                {
                    continue;
                }

                shared.Add(page.Pfn);
                isEmpty = false;
                if (!page.IsFileOrShared && others.Count <= MaxZeroPages)
                {
                    others.Add(page.Pfn);
                }
            }
        }

        return new SharedFrames(shared, isEmpty, AreZeroPages([.. others.Order()], process.Files));
    }

    private static bool AreZeroPages(ulong[] pfns, KernelFiles files)
    {
        if (pfns.Length is 0 or > MaxZeroPages)
        {
            return pfns.Length == 0;
        }

        try
        {
            using FrameTables tables = new(FrameAttributes.Flags, files);
            ulong[] flags = new ulong[pfns.Length];
            return tables.ReadFlags(pfns, flags) == pfns.Length
                && Array.TrueForAll(flags, word => new KernelPageFlagSet(word).IsZeroPage);
        }
        catch (MemProcException)
        {
            // Not known: all pages of the other processes are read.
            return false;
        }
    }

    /// <summary>Returns whether a frame is one of them.</summary>
    public bool Contains(ulong pfn) => _frames.Contains(pfn);

    /// <summary>Returns the same frames, for another thread.</summary>
    public SharedFrames Copy() => new(_frames.View(), IsEmpty, AreFiles);
}

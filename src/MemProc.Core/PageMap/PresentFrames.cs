using MemProc.Interop;

namespace MemProc;

/// <summary>Reads the frames of the present pages of a process, in chunks that the next chunk overwrites.</summary>
/// <param name="process">The process.</param>
/// <param name="operation">The operation that uses the frames, for the error.</param>
/// <param name="cancellation">Stops the reading.</param>
internal sealed class PresentFrames(LinuxProcess process, Operation operation, CancellationToken cancellation)
{
    private readonly PopulatedPages _pages = new(process, cancellation) { Operation = operation };
    private readonly ulong[] _frames = new ulong[FrameSet.BlockFrames];
    private readonly bool[] _exclusive = new bool[FrameSet.BlockFrames];

    /// <summary>Whether no other process maps each page of the chunk that was returned last.</summary>
    public ReadOnlySpan<bool> Exclusive => _exclusive;

    /// <summary>Returns the frames of all pages, by address.</summary>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap failed; EPERM where the kernel hides the frame numbers; ESRCH where the process exits.
    /// </exception>
    public IEnumerable<ReadOnlyMemory<ulong>> All() => In(_pages.Maps(AddressRange.All), AddressRange.All);

    /// <summary>Returns the frames of the pages of some mappings, by address.</summary>
    /// <param name="maps">The mappings.</param>
    /// <param name="range">The addresses; their whole pages count.</param>
    /// <inheritdoc cref="All" path="/exception"/>
    public IEnumerable<ReadOnlyMemory<ulong>> In(IEnumerable<ProcMap> maps, AddressRange range) =>
        FramesOf(_pages.In(maps, range).Select(found => found.Pages));

    /// <summary>Returns all mappings, those without pages in memory included, each with the frames of its pages.</summary>
    /// <inheritdoc cref="All" path="/exception"/>
    public IEnumerable<(ProcMap Map, IEnumerable<ReadOnlyMemory<ulong>> Frames)> ByMap() =>
        _pages.ByMap(_pages.Maps(AddressRange.All), AddressRange.All)
            .Select(found => (found.Map, FramesOf(found.Pages)));

    private IEnumerable<ReadOnlyMemory<ulong>> FramesOf(IEnumerable<PageMapRange> ranges)
    {
        int count = 0;
        foreach (PageMapRange pages in ranges)
        {
            for (int index = 0; index < pages.Entries.Length; index++)
            {
                RawPageMapEntry page = new(pages.Entries.Span[index]);
                if (!page.IsPresent)
                {
                    continue;
                }

                _exclusive[count] = page.IsExclusive;
                _frames[count++] = page.IsPfnHidden ? throw FramesHidden() : page.Pfn;
                if (count == _frames.Length)
                {
                    yield return _frames;
                    count = 0;
                }
            }
        }

        if (count > 0)
        {
            yield return _frames.AsMemory(0, count);
        }
    }

    private MemProcException FramesHidden() => new(operation, Errno.EPERM,
        $"Process {process.Identity}: the kernel hides the frame numbers of its pages from this user, and pages are "
        + $"marked by frame. {CallerRights.Read(process.Files).Explain([Capability.SysAdmin])}", process.Id);
}

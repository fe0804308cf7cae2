using System.Text.Json.Serialization;
using MemProc.Interop;

namespace MemProc;

/// <summary>What the kernel reports about a page frame, or about a run of consecutive frames of equal state.</summary>
public sealed class PageFlags
{
    private readonly KernelPageFlagSet _shown;

    internal PageFlags(
        ulong pfn, KernelPageFlagSet word, bool raw, ulong? mapCount, ulong? cgroupInode, string? cgroupPath,
        RawPageMapEntry page)
        : this(pfn, 1, word, raw ? word.Expand(page) : word.WellKnown, mapCount, cgroupInode, cgroupPath)
    {
    }

    private PageFlags(
        ulong pfn, ulong pageCount, KernelPageFlagSet word, KernelPageFlagSet shown, ulong? mapCount, ulong? cgroupInode,
        string? cgroupPath)
    {
        Pfn = pfn;
        PageCount = pageCount;
        RawFlags = word.Raw;
        MapCount = mapCount;
        CgroupInode = cgroupInode;
        CgroupPath = cgroupPath;
        _shown = shown;
    }

    /// <summary>The frame number, of a run the first one.</summary>
    public ulong Pfn { get; }

    /// <summary><see cref="Pfn"/> in hex.</summary>
    public string PfnHex => HexText.Of(Pfn);

    /// <summary>Number of frames: 1, or more for a run.</summary>
    public ulong PageCount { get; }

    /// <summary>
    /// The flags as <c>/proc/kpageflags</c> has them, of a run those of the first frame. Kernels that report every anonymous
    /// page as ksm (Linux 6.12 to 6.18) are corrected: no anonymous page has that flag.
    /// </summary>
    public ulong RawFlags { get; }

    /// <summary><see cref="RawFlags"/> in hex.</summary>
    public string RawFlagsHex => HexText.Of(RawFlags);

    /// <summary>
    /// Names of the flags, lowest bit first; an unknown bit by number (<c>bit27</c>). Flags internal to the kernel are
    /// among them only where raw flags were requested, as in page-types.
    /// </summary>
    public OutputList<string> Flags => _shown.Names;

    /// <summary>The same flags in the letters of page-types.</summary>
    public string Symbol => _shown.Symbol;

    /// <summary>How many times the frame is mapped (<c>/proc/kpagecount</c>); null where it was not requested.</summary>
    public ulong? MapCount { get; }

    /// <summary>
    /// Inode of the memory cgroup that is charged for the frame (<c>/proc/kpagecgroup</c>), 0 where none is; null where
    /// it was not requested, and on kernels without memory cgroups.
    /// </summary>
    public ulong? CgroupInode { get; }

    /// <summary>
    /// Path of that cgroup in its hierarchy; null where none is charged, where its folder is not visible, and like
    /// <see cref="CgroupInode"/>.
    /// </summary>
    public string? CgroupPath { get; }

    /// <summary>The core that it comes from; null for a frame of this machine.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? CorePath { get; init; }

    /// <summary>Physical address of the frame.</summary>
    public ulong PhysicalAddress => Pfn * MachinePage.SizeBytes;

    /// <summary><see cref="PhysicalAddress"/> in hex.</summary>
    public string PhysicalAddressHex => HexText.Of(PhysicalAddress);

    /// <summary>The flags as they are shown, as bits.</summary>
    internal ulong ShownFlags => _shown.Raw;

    /// <summary>Returns whether all attributes of two frames but their numbers are equal.</summary>
    internal bool HasStateOf(PageFlags other) => _shown.Raw == other._shown.Raw && MapCount == other.MapCount
        && CgroupInode == other.CgroupInode && CorePath == other.CorePath;

    /// <summary>Returns the frame as the first of a run.</summary>
    internal PageFlags AsRun(ulong pageCount) =>
        new(Pfn, pageCount, new KernelPageFlagSet(RawFlags), _shown, MapCount, CgroupInode, CgroupPath) { CorePath = CorePath };

    /// <summary>Returns the frame and its flags.</summary>
    public override string ToString() => $"0x{Pfn:x} {string.Join(',', Flags)}";
}

/// <summary>
/// Joins consecutive frames that have the same flags as they are shown, map count and cgroup, as far as they were read.
/// Frames can be added as they arrive.
/// </summary>
public sealed class PageFlagsRuns
{
    private PageFlags? _first;
    private ulong _count;

    /// <summary>Joins frames.</summary>
    /// <param name="frames">The frames, or runs of them.</param>
    public static IEnumerable<PageFlags> Join(IEnumerable<PageFlags> frames)
    {
        PageFlagsRuns runs = new();
        foreach (PageFlags frame in frames)
        {
            if (runs.Add(frame) is PageFlags run)
            {
                yield return run;
            }
        }

        if (runs.Take() is PageFlags last)
        {
            yield return last;
        }
    }

    /// <summary>Adds a frame or run. Returns the run that ends before it; null where it continues the run, or is the first.</summary>
    public PageFlags? Add(PageFlags frame)
    {
        if (_first is not null && frame.Pfn == _first.Pfn + _count && frame.HasStateOf(_first))
        {
            _count += frame.PageCount;
            return null;
        }

        PageFlags? ended = Take();
        (_first, _count) = (frame, frame.PageCount);
        return ended;
    }

    /// <summary>Returns the last run, and begins anew; null where no frame was added.</summary>
    public PageFlags? Take()
    {
        PageFlags? run = _first?.AsRun(_count);
        _first = null;
        return run;
    }
}

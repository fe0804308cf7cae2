using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>Attributes of a page frame that the kernel reports.</summary>
[Flags]
public enum FrameAttributes
{
    /// <summary>None.</summary>
    None = 0,
    /// <summary>Its flags (<c>/proc/kpageflags</c>).</summary>
    Flags = 1,
    /// <summary>How many times it is mapped (<c>/proc/kpagecount</c>).</summary>
    MapCount = 2,
    /// <summary>The memory cgroup that is charged for it (<c>/proc/kpagecgroup</c>).</summary>
    Cgroup = 4,
    /// <summary>All of them.</summary>
    All = Flags | MapCount | Cgroup,
}

/// <summary>
/// The kernel's tables of page frames: <c>/proc/kpageflags</c>, <c>/proc/kpagecount</c>, <c>/proc/kpagecgroup</c>, with
/// 64 bits for each frame (<c>fs/proc/page.c</c>). Require the user root, or
/// CAP_DAC_READ_SEARCH.
/// </summary>
public sealed class FrameTables : IDisposable
{
    /// <summary>Maximum number of frames in one call of <see cref="Read"/>.</summary>
    public const int BatchFrames = 16 * 1024;

    private readonly FrameColumn _flags;
    private readonly FrameColumn? _counts;
    private readonly FrameColumn? _cgroups;
    private readonly SavedFrames? _saved;
    private readonly string? _corePath;
    private readonly Lazy<Func<ulong, string?>> _cgroupPath;

    /// <summary>The kernel sets the flag ksm for all anonymous pages, so that it has to be removed.</summary>
    private readonly bool _isKsmWrong;

    /// <summary>Opens the tables.</summary>
    /// <param name="fields">The attributes that will be read.</param>
    /// <param name="files">Where procfs is; the usual place when left out.</param>
    /// <exception cref="MemProcException">ReadPageFlags: EACCES without root; ENOENT where the kernel has no tables.</exception>
    public FrameTables(FrameAttributes fields = FrameAttributes.All, KernelFiles? files = null)
        : this(fields, files ?? KernelFiles.Default, KsmFlag.IsWrong(files ?? KernelFiles.Default))
    {
    }

    /// <summary>Opens the tables of a kernel whose flag ksm is right or wrong.</summary>
    internal FrameTables(FrameAttributes fields, KernelFiles files, bool isKsmWrong)
    {
        _isKsmWrong = isKsmWrong;
        _cgroupPath = new Lazy<Func<ulong, string?>>(() => CgroupTree.Load(files).PathOf);
        _flags = Open(files, "kpageflags");
        _counts = fields.HasFlag(FrameAttributes.MapCount) ? Open(files, "kpagecount") : null;
        if (fields.HasFlag(FrameAttributes.Cgroup))
        {
            // Kernels without memory cgroups lack this table.
            _ = Libc.TryOpenAt(null, $"{files.Proc}/kpagecgroup", OpenAccess.ReadOnly, out SafeFileHandle? cgroups);
            _cgroups = cgroups is null ? null : new FrameTableFile(cgroups);
        }
    }

    private FrameTables(SavedFrames saved, string? corePath, FrameAttributes fields)
    {
        (_saved, _corePath) = (saved, corePath);
        _cgroupPath = new Lazy<Func<ulong, string?>>(() => saved.CgroupPathOf);
        _flags = new SavedFrameColumn(saved, run => run.Flags);
        _counts = fields.HasFlag(FrameAttributes.MapCount) && saved.HasMapCounts
            ? new SavedFrameColumn(saved, run => run.MapCount)
            : null;
        _cgroups = fields.HasFlag(FrameAttributes.Cgroup) && saved.HasCgroups
            ? new SavedFrameColumn(saved, run => run.Cgroup)
            : null;
    }

    /// <summary>
    /// Opens saved copies of the tables. Paths of cgroups are not looked up: the inodes can be those of another machine.
    /// </summary>
    /// <param name="copies">The files.</param>
    /// <exception cref="MemProcException">
    /// ReadPageFlags: a file cannot be opened; EINVAL where it is not a regular file of whole entries.
    /// </exception>
    public FrameTables(FrameTableCopies copies)
    {
        _cgroupPath = new Lazy<Func<ulong, string?>>(() => _ => null);
        _flags = new FrameTableFile(FrameTableCopies.Open(copies.Flags));
        try
        {
            _counts = copies.MapCounts is null ? null : new FrameTableFile(FrameTableCopies.Open(copies.MapCounts));
            _cgroups = copies.Cgroups is null ? null : new FrameTableFile(FrameTableCopies.Open(copies.Cgroups));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Opens the tables of the kernel for a live process, or what a core has of them.</summary>
    /// <param name="target">The process or core.</param>
    /// <param name="fields">The attributes that will be read; those that a core lacks are null.</param>
    /// <exception cref="MemProcException">
    /// ReadPageFlags: EACCES, ENOENT as for the tables; ENODATA where a core has nothing of its frames.
    /// </exception>
    public static FrameTables Of(MemoryTarget target, FrameAttributes fields = FrameAttributes.All) =>
        target.Frames is SavedFrames saved ? new FrameTables(saved, target.CorePath, fields) : new FrameTables(fields, target.Files);

    /// <summary>Reads what the kernel reports about frames, with one system call for close ones.</summary>
    /// <param name="pfns">Frame numbers in any order, at most <see cref="BatchFrames"/>.</param>
    /// <param name="raw">Whether to show flags internal to the kernel, and overloaded ones by their meaning.</param>
    /// <param name="pages">The pagemap entries by which the frames were reached; empty: by number.</param>
    /// <returns>
    /// A result for each frame, in the given order; null where the number is after the last frame, or the core lacks the frame.
    /// </returns>
    /// <exception cref="MemProcException">A table cannot be read.</exception>
    public PageFlags?[] Read(ReadOnlySpan<ulong> pfns, bool raw, ReadOnlySpan<ulong> pages = default)
    {
        ulong[] sorted = pfns.ToArray();
        int[] order = new int[sorted.Length];
        for (int index = 0; index < order.Length; index++)
        {
            order[index] = index;
        }

        Array.Sort(sorted, order);
        PageFlags?[] result = new PageFlags?[sorted.Length];
        int given = KeepKnown(sorted, order);
        ulong[] flags = new ulong[given];
        int known = ReadFlags(sorted.AsSpan(0, given), flags);
        ulong[]? counts = ReadColumn(_counts, sorted.AsSpan(0, known));
        ulong[]? cgroups = ReadColumn(_cgroups, sorted.AsSpan(0, known));
        for (int index = 0; index < known; index++)
        {
            int place = order[index];
            result[place] = FrameOf(sorted[index], flags[index], raw, counts?[index], cgroups?[index],
                pages.IsEmpty ? default : new RawPageMapEntry(pages[place]));
        }

        return result;
    }

    /// <summary>Creates the result for a frame.</summary>
    internal PageFlags FrameOf(
        ulong pfn, ulong flags, bool raw, ulong? mapCount, ulong? cgroup, RawPageMapEntry page = default) => new(
            pfn, new KernelPageFlagSet(flags), raw, mapCount, cgroup, cgroup > 0 ? _cgroupPath.Value(cgroup.Value) : null, page)
        {
            CorePath = _corePath,
        };

    /// <summary>How often frames are mapped is read.</summary>
    internal bool HasMapCounts => _counts is not null;

    /// <summary>The cgroups of frames are known: not on kernels without memory cgroups.</summary>
    internal bool HasCgroups => _cgroups is not null;

    /// <summary>The tables are those of a core, which has some frames only.</summary>
    internal bool IsSaved => _saved is not null;

    /// <summary>Moves the frames to the front that the core has; all frames where the tables are those of the kernel.</summary>
    /// <param name="sorted">Frame numbers in ascending order.</param>
    /// <param name="order">Further numbers that are moved along.</param>
    /// <returns>How many there are.</returns>
    internal int KeepKnown(Span<ulong> sorted, Span<int> order = default)
    {
        if (_saved is null)
        {
            return sorted.Length;
        }

        int kept = 0;
        SavedFrameRun run = default;
        for (int index = 0; index < sorted.Length; index++)
        {
            if ((sorted[index] >= run.First && sorted[index] < run.End) || _saved.TryFind(sorted[index], out run))
            {
                sorted[kept] = sorted[index];
                if (!order.IsEmpty)
                {
                    order[kept] = order[index];
                }

                kept++;
            }
        }

        return kept;
    }

    /// <summary>Returns the parts of a range that the core has; the range itself where the tables are those of the kernel.</summary>
    /// <exception cref="MemProcException">ReadPageFlags, ENODATA: the core has no frame of it.</exception>
    internal IEnumerable<PfnRange> Known(PfnRange range)
    {
        if (_saved is null)
        {
            yield return range;
            yield break;
        }

        PfnRange? open = null;
        foreach (SavedFrameRun run in _saved.Between(range.First, range.End))
        {
            if (open is PfnRange last && last.End == run.First)
            {
                open = last with { Count = last.Count + run.Count };
                continue;
            }

            if (open is PfnRange ended)
            {
                yield return ended;
            }

            open = new PfnRange(run.First, run.Count);
        }

        yield return open ?? throw NotSaved(range.First);
    }

    /// <summary>Creates the error for a frame that the tables do not have.</summary>
    /// <param name="pfn">Its number.</param>
    public MemProcException NotFound(ulong pfn) => _saved is null ? OutOfRange(pfn) : NotSaved(pfn);

    private static MemProcException NotSaved(ulong pfn) => new(Operation.ReadPageFlags, Errno.ENODATA,
        $"Frame 0x{pfn:x} is not in the core: it has the frames of the pages of its process.", pfn);

    /// <summary>Reads the flags of frames in ascending order, without an object for each.</summary>
    /// <param name="sorted">Frame numbers in ascending order; they may repeat.</param>
    /// <param name="words">Receives the flags.</param>
    /// <returns>The number of leading frames that the machine has.</returns>
    /// <exception cref="MemProcException">The table cannot be read.</exception>
    internal int ReadFlags(ReadOnlySpan<ulong> sorted, Span<ulong> words) => Corrected(_flags.ReadSorted(sorted, words), words);

    /// <summary>Reads the flags of consecutive frames. Returns how many the machine has.</summary>
    internal int ReadFlags(ulong first, Span<ulong> words) => Corrected(_flags.Read(first, words), words);

    /// <summary>
    /// Reads how often frames in ascending order are mapped. Frames without a count, as of device memory, are
    /// left 0.
    /// </summary>
    internal void ReadMapCounts(ReadOnlySpan<ulong> sorted, Span<ulong> words)
    {
        for (int first = 0; _counts is not null && first < sorted.Length; first += BatchFrames)
        {
            int size = Math.Min(BatchFrames, sorted.Length - first);
            if (_counts.ReadSorted(sorted.Slice(first, size), words[first..]) < size)
            {
                return;
            }
        }
    }

    /// <summary>Reads how often consecutive frames are mapped. Frames without a count are 0.</summary>
    internal void ReadMapCounts(ulong first, Span<ulong> words) => words[(_counts?.Read(first, words) ?? 0)..].Clear();

    /// <summary>Reads the cgroups of frames in ascending order; null on kernels without memory cgroups.</summary>
    internal ulong[]? ReadCgroups(ReadOnlySpan<ulong> sorted) => ReadColumn(_cgroups, sorted);

    /// <summary>
    /// Reads the cgroups of consecutive frames; 0 where they have none. Returns how many the table has; 0 on kernels without
    /// memory cgroups.
    /// </summary>
    internal int ReadCgroups(ulong first, Span<ulong> words)
    {
        int read = _cgroups?.Read(first, words) ?? 0;
        words[read..].Clear();
        return read;
    }

    /// <summary>The number after that of the machine's last frame.</summary>
    public ulong End
    {
        get
        {
            if (_saved is not null)
            {
                return _saved.Between(0, ulong.MaxValue).Select(run => run.End).LastOrDefault();
            }

            // The file has no size; a binary search finds its end.
            ulong known = 0;
            ulong beyond = 1UL << 52;
            Span<ulong> word = stackalloc ulong[1];
            while (beyond - known > 1)
            {
                ulong middle = known + (beyond - known) / 2;
                if (_flags.Read(middle, word) > 0)
                {
                    known = middle;
                }
                else
                {
                    beyond = middle;
                }
            }

            return beyond;
        }
    }

    /// <summary>Creates the error for a frame that the machine does not have.</summary>
    public static MemProcException OutOfRange(ulong pfn) =>
        new(Operation.ReadPageFlags, Errno.EINVAL,
            $"Frame 0x{pfn:x} does not exist: it is after the machine's last frame. {PfnRange.Advice}", pfn);

    /// <inheritdoc/>
    public void Dispose()
    {
        _flags.Dispose();
        _counts?.Dispose();
        _cgroups?.Dispose();
    }

    private int Corrected(int known, Span<ulong> words)
    {
        if (_isKsmWrong)
        {
            KsmFlag.Remove(words[..known]);
        }

        return known;
    }

    private static FrameTableFile Open(KernelFiles files, string name)
    {
        string path = $"{files.Proc}/{name}";
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? handle);
        return handle is not null ? new FrameTableFile(handle) : throw new MemProcException(Operation.ReadPageFlags, errno, errno switch
        {
            Errno.EACCES or Errno.EPERM => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}). "
                + CallerRights.Read(files).Explain([Capability.DacReadSearch]),
            Errno.ENOENT => CallerRights.Read(files).MissingFile(path,
                $"This kernel has no {path}. Requires CONFIG_PROC_PAGE_MONITOR."),
            _ => $"Cannot open {path}: {ErrnoException.Describe(errno)} ({errno}).",
        }, path);
    }

    private static ulong[]? ReadColumn(FrameColumn? table, ReadOnlySpan<ulong> pfns)
    {
        if (table is null)
        {
            return null;
        }

        ulong[] words = new ulong[pfns.Length];
        table.ReadSorted(pfns, words);
        return words;
    }
}

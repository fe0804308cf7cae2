using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// The kernel's tables of page frames: <c>/proc/kpageflags</c>, <c>/proc/kpagecount</c>, <c>/proc/kpagecgroup</c>,
/// a word a frame (<c>fs/proc/page.c</c>). Root only.
/// </summary>
public sealed class FrameTables : IDisposable
{
    /// <summary>Frames that can be asked for at once.</summary>
    public const int BatchFrames = 16 * 1024;

    /// <summary>Frames of a range that are read at once: few enough that the first answers come soon.</summary>
    private const ulong RangeFrames = 1024;

    /// <summary>Reading a few unwanted words is cheaper than another system call.</summary>
    private const ulong BridgedFrames = 8;

    private readonly SafeFileHandle _flags;
    private readonly SafeFileHandle? _counts;
    private readonly SafeFileHandle? _cgroups;
    private readonly Lazy<CgroupTree> _cgroupTree;

    /// <summary>Opens the tables.</summary>
    /// <param name="fields">What will be asked for.</param>
    /// <param name="files">Where procfs is; the usual place when left out.</param>
    /// <exception cref="MemProcException">ReadPageFlags: EACCES without root; ENOENT where the kernel has none.</exception>
    public FrameTables(FrameFields fields = FrameFields.All, KernelFiles? files = null)
    {
        files ??= KernelFiles.Default;
        _cgroupTree = new Lazy<CgroupTree>(() => CgroupTree.Load(files));
        _flags = Open(files, "kpageflags");
        _counts = fields.HasFlag(FrameFields.MapCount) ? Open(files, "kpagecount") : null;
        if (fields.HasFlag(FrameFields.Cgroup))
        {
            // Kernels without memory cgroups lack this one.
            _ = Libc.TryOpenAt(null, $"{files.Proc}/kpagecgroup", OpenAccess.ReadOnly, out _cgroups);
        }
    }

    /// <summary>Reads what the kernel knows of frames, neighbours together.</summary>
    /// <param name="pfns">Frame numbers in any order, at most <see cref="BatchFrames"/>.</param>
    /// <param name="raw">Show flags of the kernel's internals, and overloaded ones by what they mean.</param>
    /// <param name="pages">The page table's words by which the frames were reached; empty: by number alone.</param>
    /// <returns>An answer a frame, in the order asked; null where the number is beyond the last frame.</returns>
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
        ulong[] flags = new ulong[sorted.Length];
        int known = ReadWords(_flags, sorted, flags);
        ulong[]? counts = ReadColumn(_counts, sorted.AsSpan(0, known));
        ulong[]? cgroups = ReadColumn(_cgroups, sorted.AsSpan(0, known));
        PageFlags?[] result = new PageFlags?[sorted.Length];
        for (int index = 0; index < known; index++)
        {
            int place = order[index];
            ulong? cgroup = cgroups?[index];
            result[place] = new PageFlags(sorted[index], new KernelPageWord(flags[index]), raw, counts?[index], cgroup,
                cgroup > 0 ? _cgroupTree.Value.PathOf(cgroup.Value) : null,
                pages.IsEmpty ? default : new PageMapWord(pages[place]));
        }

        return result;
    }

    /// <summary>Reads the flags of frames in rising order, without an object for each.</summary>
    /// <param name="sorted">Frame numbers in rising order, repeated ones too.</param>
    /// <param name="words">Where the words of kpageflags go.</param>
    /// <returns>For how many of them the machine has a frame.</returns>
    /// <exception cref="MemProcException">The table cannot be read.</exception>
    internal int ReadFlags(ReadOnlySpan<ulong> sorted, Span<ulong> words) => ReadWords(_flags, sorted, words);

    /// <summary>Reads the flags of neighbouring frames. Returns how many there are.</summary>
    internal int ReadFlags(ulong first, Span<ulong> words) => ReadTable(_flags, first, words);

    /// <summary>Reads the cgroups of frames in rising order; null on kernels without memory cgroups.</summary>
    internal ulong[]? ReadCgroups(ReadOnlySpan<ulong> sorted) => ReadColumn(_cgroups, sorted);

    /// <summary>
    /// Reads the cgroups of neighbouring frames. Returns how many there are; 0 on kernels without memory cgroups.
    /// </summary>
    internal int ReadCgroups(ulong first, Span<ulong> words) =>
        _cgroups is null ? 0 : ReadTable(_cgroups, first, words);

    /// <summary>The number of the first frame behind the machine's last one.</summary>
    public ulong End
    {
        get
        {
            // The table has no size; where it ends is found by halving.
            ulong known = 0;
            ulong beyond = 1UL << 52;
            Span<ulong> word = stackalloc ulong[1];
            while (beyond - known > 1)
            {
                ulong middle = known + (beyond - known) / 2;
                if (ReadTable(_flags, middle, word) > 0)
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

    /// <summary>Reads what the kernel knows of neighbouring frames, piece by piece.</summary>
    /// <param name="range">Which frames.</param>
    /// <param name="raw">As for <see cref="Read"/>.</param>
    /// <param name="filter">Which of them are wanted; null: all.</param>
    /// <exception cref="MemProcException">
    /// A table cannot be read; EINVAL at the first number beyond the machine's last frame.
    /// </exception>
    public IEnumerable<PageFlags> ReadRange(PfnRange range, bool raw, FrameFilter? filter = null)
    {
        ulong[] words = new ulong[(int)Math.Min(range.Count, RangeFrames)];
        List<ulong> wanted = [];
        for (ulong done = 0; done < range.Count;)
        {
            int size = (int)Math.Min(range.Count - done, (ulong)words.Length);
            int known = ReadTable(_flags, range.First + done, words.AsSpan(0, size));
            wanted.Clear();
            for (int index = 0; index < known; index++)
            {
                KernelPageWord word = new(words[index]);
                if (filter?.Flags is null || filter.Flags.Matches((raw ? word.Expand() : word.WellKnown).Raw))
                {
                    wanted.Add(range.First + done + (ulong)index);
                }
            }

            foreach (PageFlags? frame in Read([.. wanted], raw))
            {
                if (frame is not null && (filter is null || filter.Matches(frame)))
                {
                    yield return frame;
                }
            }

            done += (ulong)known;
            if (known < size)
            {
                throw Beyond(range.First + done);
            }
        }
    }

    /// <summary>The exception for a frame that the machine does not have.</summary>
    public static MemProcException Beyond(ulong pfn) =>
        new(Operation.ReadPageFlags, Errno.EINVAL, $"Frame 0x{pfn:x} is beyond the machine's last one.", pfn);

    /// <inheritdoc/>
    public void Dispose()
    {
        _flags.Dispose();
        _counts?.Dispose();
        _cgroups?.Dispose();
    }

    private static SafeFileHandle Open(KernelFiles files, string name)
    {
        string path = $"{files.Proc}/{name}";
        Errno errno = Libc.TryOpenAt(null, path, OpenAccess.ReadOnly, out SafeFileHandle? handle);
        return handle ?? throw new MemProcException(Operation.ReadPageFlags, errno, errno switch
        {
            Errno.EACCES or Errno.EPERM => $"{path} is for root alone: run as root, or with CAP_DAC_OVERRIDE.",
            Errno.ENOENT => $"This kernel has no {path} (CONFIG_PROC_PAGE_MONITOR).",
            _ => $"{path} cannot be opened: {ErrnoException.Describe(errno)} ({errno}).",
        }, path);
    }

    private static ulong[]? ReadColumn(SafeFileHandle? table, ReadOnlySpan<ulong> pfns)
    {
        if (table is null)
        {
            return null;
        }

        ulong[] words = new ulong[pfns.Length];
        ReadWords(table, pfns, words);
        return words;
    }

    /// <summary>Reads the words of frames in rising order. Returns for how many the table had one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int ReadWords(SafeFileHandle table, ReadOnlySpan<ulong> pfns, Span<ulong> words)
    {
        ulong[] buffer = [];
        for (int first = 0; first < pfns.Length;)
        {
            int last = first;
            while (last + 1 < pfns.Length && pfns[last + 1] - pfns[last] <= BridgedFrames)
            {
                last++;
            }

            int span = (int)(pfns[last] - pfns[first]) + 1;
            if (buffer.Length < span)
            {
                buffer = new ulong[Math.Max(span, 64)];
            }

            int read = ReadTable(table, pfns[first], buffer.AsSpan(0, span));
            for (int index = first; index <= last; index++)
            {
                int place = (int)(pfns[index] - pfns[first]);
                if (place >= read)
                {
                    return index;
                }

                words[index] = buffer[place];
            }

            first = last + 1;
        }

        return pfns.Length;
    }

    private static int ReadTable(SafeFileHandle table, ulong pfn, Span<ulong> words)
    {
        // A frame number whose offset would overflow is beyond any table.
        if (pfn > long.MaxValue / sizeof(ulong) - BatchFrames * BridgedFrames)
        {
            return 0;
        }

        try
        {
            return Libc.PReadFully(table, MemoryMarshal.AsBytes(words), pfn * sizeof(ulong)) / sizeof(ulong);
        }
        catch (ErrnoException error)
        {
            throw new MemProcException(Operation.ReadPageFlags, error.Errno,
                $"The words of the frames from 0x{pfn:x} on cannot be read: {error.Message}.", pfn);
        }
    }
}

using System.Diagnostics.CodeAnalysis;
using MemProc.Interop;

namespace MemProc;

/// <summary>Reads what the kernel reports about consecutive frames, in chunks.</summary>
/// <param name="tables">The tables.</param>
/// <param name="raw">As in <see cref="FrameTables.Read"/>.</param>
/// <param name="filter">Selects frames; null: all.</param>
public sealed class FrameWalk(FrameTables tables, bool raw, FrameFilter? filter = null)
{
    /// <summary>Frames that are read at once: few enough that the first results come soon.</summary>
    private const ulong RangeFrames = 1024;

    /// <summary>Returns the frames of a range.</summary>
    /// <param name="range">The frames.</param>
    /// <exception cref="MemProcException">
    /// A table cannot be read; EINVAL at the first number after the machine's last frame.
    /// </exception>
    public IEnumerable<PageFlags> Range(PfnRange range) => tables.Known(range).SelectMany(ReadKnown);

    private IEnumerable<PageFlags> ReadKnown(PfnRange range)
    {
        ulong[] words = new ulong[(int)Math.Min(range.Count, RangeFrames)];
        List<ulong> selected = [];
        for (ulong done = 0; done < range.Count;)
        {
            int size = (int)Math.Min(range.Count - done, (ulong)words.Length);
            int known = tables.ReadFlags(range.First + done, words.AsSpan(0, size));
            selected.Clear();
            for (int index = 0; index < known; index++)
            {
                if (filter?.Flags is null || filter.Flags.Matches(Shown(words[index])))
                {
                    selected.Add(range.First + done + (ulong)index);
                }
            }

            foreach (PageFlags? frame in tables.Read([.. selected], raw))
            {
                if (IsSelected(frame))
                {
                    yield return frame;
                }
            }

            done += (ulong)known;
            if (known < size)
            {
                ThrowIfIncomplete(range, done);
                yield break;
            }
        }
    }

    /// <summary>
    /// Returns the frames of a range, with one result for neighbors of equal state. There is no object for each frame: a
    /// machine has millions.
    /// </summary>
    /// <inheritdoc cref="Range" path="/param"/>
    /// <inheritdoc cref="Range" path="/exception"/>
    public IEnumerable<PageFlags> Runs(PfnRange range) => tables.Known(range).SelectMany(ReadKnownRuns);

    private IEnumerable<PageFlags> ReadKnownRuns(PfnRange range)
    {
        int batch = (int)Math.Min(range.Count, FrameTables.BatchFrames);
        ulong[] words = new ulong[batch];
        ulong[] counts = new ulong[tables.HasMapCounts ? batch : 0];
        ulong[] cgroups = new ulong[tables.HasCgroups ? batch : 0];
        PageFlags? first = null;
        ulong length = 0, done = 0;
        bool isIncomplete = false;
        while (done < range.Count && !isIncomplete)
        {
            int size = (int)Math.Min(range.Count - done, (ulong)batch);
            int known = tables.ReadFlags(range.First + done, words.AsSpan(0, size));
            if (counts.Length > 0)
            {
                tables.ReadMapCounts(range.First + done, counts.AsSpan(0, known));
            }

            if (cgroups.Length > 0)
            {
                tables.ReadCgroups(range.First + done, cgroups.AsSpan(0, known));
            }

            for (int index = 0; index < known; index++)
            {
                ulong? count = counts.Length == 0 ? null : counts[index];
                ulong? cgroup = cgroups.Length == 0 ? null : cgroups[index];
                if (first is not null && first.MapCount == count && first.CgroupInode == cgroup
                    && Shown(words[index]) == first.ShownFlags)
                {
                    length++;
                    continue;
                }

                if (IsSelected(first))
                {
                    yield return first.AsRun(length);
                }

                first = tables.FrameOf(range.First + done + (ulong)index, words[index], raw, count, cgroup);
                length = 1;
            }

            done += (ulong)known;
            isIncomplete = known < size;
        }

        if (IsSelected(first))
        {
            yield return first.AsRun(length);
        }

        if (isIncomplete)
        {
            ThrowIfIncomplete(range, done);
        }
    }

    private bool IsSelected([NotNullWhen(true)] PageFlags? frame) => frame is not null && (filter is null || filter.Matches(frame));

    /// <summary>Returns the flags of a frame that its result shows.</summary>
    private ulong Shown(ulong flags)
    {
        KernelPageFlagSet word = new(flags);
        return (raw ? word.Expand() : word.WellKnown).Raw;
    }

    /// <summary>Throws where a range ends before its last frame, unless it is an open one with at least one frame.</summary>
    private static void ThrowIfIncomplete(PfnRange range, ulong known)
    {
        if (!range.IsOpen || known == 0)
        {
            throw FrameTables.OutOfRange(range.First + known);
        }
    }
}

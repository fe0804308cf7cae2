using System.Globalization;
using System.Text;

namespace MemProc;

/// <summary>Paints the frames of the machine.</summary>
public static class FramePainter
{
    /// <summary>Processes that have a color of their own.</summary>
    private const int MaxOwners = 8;

    /// <summary>Paints the frames.</summary>
    /// <param name="by">Kind or Owner.</param>
    /// <param name="side">Cells of a row, a power of two.</param>
    /// <param name="isColored">Lines of text have colors.</param>
    /// <param name="source">How to read the kernel's memory.</param>
    /// <param name="fail">Receives the failure of a process that cannot be read, for owners.</param>
    /// <param name="cancellation">Stops the painting.</param>
    /// <exception cref="MemProcException">As <see cref="PageFrameReader.Prepare"/>.</exception>
    public static FramePicture Paint(
        MapPictureGrouping by, int side, bool isColored = false, KernelReadSource source = KernelReadSource.Auto, Action<MemProcException>? fail = null,
        CancellationToken cancellation = default)
    {
        using KernelReader reader = new(source, null);
        using FrameMap map = FrameMap.Create(reader);
        ulong end = map.End;
        int count = side * side;
        ulong cellFrames = Math.Max((end + (ulong)count - 1) / (ulong)count, 1);
        Owners? owners = by == MapPictureGrouping.Owner ? Owners.Read(reader.Files, end, fail, cancellation) : null;
        PictureValue[] values = owners?.Values ?? PictureValues.FrameKinds;
        CellCounts counts = new(0, cellFrames * (ulong)count, cellFrames, values.Length);
        foreach (FrameChunk chunk in map.Chunks(new PfnRange(0, end), cancellation))
        {
            foreach (ref readonly FrameRun run in (ReadOnlySpan<FrameRun>)chunk.RunSpan)
            {
                if (owners is null)
                {
                    counts.Add(new AddressRange(run.Pfn, run.Pfn + (ulong)run.Count), PictureValues.OfFrame(run.State.Kind));
                }
                else
                {
                    owners.Add(counts, run);
                }
            }
        }

        ulong[] sums = new ulong[values.Length];
        for (int cell = 0; cell < count; cell++)
        {
            for (int value = 0; value < values.Length; value++)
            {
                sums[value] += counts[cell][value];
            }
        }

        int[] shown = [.. Enumerable.Range(0, values.Length).Where(value => sums[value] > 0)];
        PictureCell[] cells = new PictureCell[count];
        for (int cell = 0; cell < count; cell++)
        {
            cells[PlaceOf(side, cell)] = CellOf(counts[cell], values, shown, (ulong)cell * cellFrames);
        }

        return new FramePicture(by, owners is null ? "Physical memory by kind" : "Physical memory by owner", side,
            sums.Aggregate(0UL, (sum, frames) => sum + frames), cellFrames,
            [.. shown.Select(value => new PictureLegendEntry(values[value], sums[value] * MachinePage.SizeBytes))], cells)
        {
            IsColored = isColored,
        };
    }

    private static PictureCell CellOf(ReadOnlySpan<ulong> frames, PictureValue[] values, int[] shown, ulong pfn)
    {
        int most = -1;
        ulong sum = 0;
        foreach (int value in shown)
        {
            sum += frames[value];
            most = frames[value] > (most < 0 ? 0 : frames[most]) ? value : most;
        }

        if (most < 0)
        {
            return new PictureCell(-1, 4, string.Empty, string.Empty);
        }

        StringBuilder text = new($"0x{pfn * MachinePage.SizeBytes:x}");
        foreach (int value in shown)
        {
            if (frames[value] > 0)
            {
                text.Append(CultureInfo.InvariantCulture,
                    $"; {SafeText.Escape(values[value].Name)} {HumanSize.Format(frames[value] * MachinePage.SizeBytes)}");
            }
        }

        return new PictureCell(Array.IndexOf(shown, most), (int)Math.Clamp(4 * frames[most] / sum, 1, 4), string.Empty,
            text.ToString());
    }

    /// <summary>Returns the place in a square, row by row, of a position on its Hilbert curve.</summary>
    /// <param name="side">Cells of a row, a power of two.</param>
    /// <param name="position">The position.</param>
    internal static int PlaceOf(int side, int position)
    {
        int x = 0, y = 0;
        for (int size = 1; size < side; size *= 2)
        {
            int right = 1 & (position / 2), down = 1 & (position ^ right);
            if (down == 0)
            {
                (x, y) = right == 1 ? (size - 1 - y, size - 1 - x) : (y, x);
            }

            x += size * right;
            y += size * down;
            position /= 4;
        }

        return y * side + x;
    }

    /// <summary>The processes that map frames, those with most frames by name.</summary>
    private sealed class Owners
    {
        private const int Free = 0, Unmapped = 1, Several = 2, Others = 3, FirstNamed = 4;

        private readonly FrameProcesses _processes;
        private readonly Dictionary<int, int> _values = [];

        private Owners(FrameProcesses processes, IReadOnlyList<int> largest)
        {
            _processes = processes;
            Values =
            [
                new("free", '.', PictureValues.Neutral), new("not mapped", 'U', 0x7a8699), new("several processes", 'M', 0xbab0ac),
                new("other processes", 'O', 0xff9da6),
                .. largest.Select((number, index) => new PictureValue(
                    $"{processes[number].Name} ({processes[number].ProcessId})", PictureValues.Letters[index + 1], PictureValues.Cycle(index))),
            ];
            for (int index = 0; index < largest.Count; index++)
            {
                _values.Add(largest[index], FirstNamed + index);
            }
        }

        public PictureValue[] Values { get; }

        public static Owners Read(KernelFiles files, ulong end, Action<MemProcException>? fail, CancellationToken cancellation)
        {
            FrameProcesses processes = FrameProcesses.Read(files, fail ?? (_ => { }), (_, _) => { }, cancellation);
            Dictionary<int, ulong> frames = [];
            for (ulong pfn = 0; pfn < end; pfn++)
            {
                int number = processes.NumberOf(pfn);
                if (number > 0)
                {
                    frames[number] = frames.GetValueOrDefault(number) + 1;
                }
            }

            return new Owners(processes, [.. frames.OrderByDescending(count => count.Value).Take(MaxOwners).Select(count => count.Key)]);
        }

        public void Add(CellCounts counts, in FrameRun run)
        {
            if (run.State.Kind == PageFrameKind.Free)
            {
                counts.Add(new AddressRange(run.Pfn, run.Pfn + (ulong)run.Count), Free);
                return;
            }

            for (int index = 0; index < run.Count; index++)
            {
                ulong pfn = run.Pfn + (ulong)index;
                int number = _processes.NumberOf(pfn);
                counts.Add(new AddressRange(pfn, pfn + 1), number == 0 ? Unmapped : number == FrameProcesses.Several ? Several
                    : _values.GetValueOrDefault(number, Others));
            }
        }
    }
}

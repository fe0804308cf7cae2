using System.Collections.Concurrent;
using MemProc.Interop;

namespace MemProc;

/// <summary>Counts the flags of many frames: of the whole machine, of a range, of a process.</summary>
/// <param name="tables">The frame tables.</param>
/// <param name="raw">Count flags of the kernel's internals too.</param>
/// <param name="filter">Which frames count.</param>
/// <param name="cancellation">Stops the counting.</param>
public sealed class FrameCount(
    FrameTables tables, bool raw, PageFilter filter, CancellationToken cancellation = default)
{
    /// <summary>Frames of one piece of work: 1 MiB of words.</summary>
    private const int PieceFrames = 128 * 1024;

    /// <summary>Bytes of a mapping in one piece of work: 128 KiB of pagemap.</summary>
    private const ulong PieceBytes = 64UL << 20;

    /// <summary>Pieces of one mapping.</summary>
    private const ulong MostPieces = 1024;

    /// <summary>What has been counted.</summary>
    public PageFlagsCounter Counts { get; } = new(raw, filter.Frame.Flags);

    /// <summary>Counts neighbouring frames, on all processors.</summary>
    /// <param name="first">The first frame number.</param>
    /// <param name="end">The number behind the last one; what is beyond the machine's last frame does not count.</param>
    /// <exception cref="MemProcException">A table cannot be read.</exception>
    public void AddRange(ulong first, ulong end)
    {
        end = Math.Min(end, tables.End);
        if (first >= end)
        {
            return;
        }

        long pieces = (long)((end - first + PieceFrames - 1) / PieceFrames);
        ParallelOptions options = new() { CancellationToken = cancellation };
        try
        {
            Parallel.For(0, pieces, options,
                () => new Piece(new PageFlagsCounter(raw, filter.Frame.Flags)),
                (index, _, piece) =>
                {
                    ulong from = first + (ulong)index * PieceFrames;
                    piece.Count(tables, from, (int)Math.Min(PieceFrames, end - from), filter.Frame.CgroupInode);
                    return piece;
                },
                piece =>
                {
                    lock (Counts)
                    {
                        Counts.Add(piece.Counts);
                    }
                });
        }
        catch (AggregateException error) when (error.InnerException is MemProcException inner)
        {
            throw inner;
        }
    }

    /// <summary>Counts the pages of a process on all processors: all of them or, where something fails, none.</summary>
    /// <param name="process">The process.</param>
    /// <param name="address">First address; null: all of the process.</param>
    /// <param name="length">Bytes from there.</param>
    /// <exception cref="MemProcException">
    /// EPERM where the kernel hides the frame numbers; ReadMaps, ReadPageMap or ReadPageFlags failed.
    /// </exception>
    public void AddProcess(LinuxProcess process, ulong? address = null, ulong length = 0)
    {
        ulong start = MachinePage.Floor(address ?? 0);
        ulong end = address is ulong from
            ? MachinePage.Ceiling(UserRange.End(from, length, Operation.ReadPageMap))
            : long.MaxValue;
        IEnumerable<ProcMap> maps = address is null
            ? MapReader.Read(process, cancellation)
            : MapReader.Between(process, start, end);
        PageFrameCount pages = new(tables, raw, filter);
        try
        {
            Parallel.ForEach(
                Partitioner.Create(Pieces(maps, start, end), EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { CancellationToken = cancellation },
                () => (Reader: new PageMapReader(process, cancellation) { TellsHuge = filter.IsHuge },
                    Pages: new PageFrameCount(tables, raw, filter)),
                (piece, _, worker) =>
                {
                    foreach (PageMapStretch stretch in worker.Reader.ReadPopulated(piece.Start, piece.End))
                    {
                        worker.Pages.Collect(stretch);
                    }

                    return worker;
                },
                worker =>
                {
                    lock (pages)
                    {
                        pages.Add(worker.Pages);
                    }
                });
            process.ThrowIfExited(Operation.ReadPageMap);
            Counts.Add(pages.Count(cancellation));
        }
        catch (AggregateException error) when (error.InnerException is MemProcException inner)
        {
            throw inner;
        }
    }

    /// <summary>Mappings, the large ones cut so that several processors have something to do.</summary>
    private static IEnumerable<(ulong Start, ulong End)> Pieces(IEnumerable<ProcMap> maps, ulong start, ulong end)
    {
        foreach (ProcMap map in maps.Where(map => map.Start < end && map.Kind != ProcMapKind.Vsyscall))
        {
            ulong until = Math.Min(map.End, end);
            // Terabytes that are only reserved are not to be cut into millions.
            ulong size = Math.Max(PieceBytes, MachinePage.Ceiling(map.SizeBytes / MostPieces));
            for (ulong at = Math.Max(map.Start, start); at < until;)
            {
                ulong next = at + Math.Min(size, until - at);
                yield return (at, next);
                at = next;
            }
        }
    }

    /// <summary>What one worker counts with.</summary>
    private sealed class Piece(PageFlagsCounter counts)
    {
        private readonly ulong[] _flags = new ulong[PieceFrames];
        private ulong[]? _cgroups;

        public PageFlagsCounter Counts { get; } = counts;

        public void Count(FrameTables tables, ulong first, int count, ulong? cgroup)
        {
            int known = tables.ReadFlags(first, _flags.AsSpan(0, count));
            if (cgroup is null)
            {
                Counts.Add(_flags.AsSpan(0, known));
                return;
            }

            _cgroups ??= new ulong[PieceFrames];
            int paid = tables.ReadCgroups(first, _cgroups.AsSpan(0, known));
            for (int index = 0; index < paid; index++)
            {
                if (_cgroups[index] == cgroup)
                {
                    Counts.Add(new KernelPageWord(_flags[index]));
                }
            }
        }
    }
}

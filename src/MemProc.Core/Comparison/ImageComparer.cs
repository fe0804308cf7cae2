using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds where mapped code and read-only data differ from the file that they were loaded from. Of a live process only pages
/// that were copied on write can differ, which the page table shows; of a core, what it holds is compared with the file of
/// the same build id.
/// </summary>
/// <param name="process">The process or core.</param>
/// <param name="cancellation">Stops the work.</param>
public sealed class ImageComparer(MemoryTarget process, CancellationToken cancellation = default)
{
    /// <summary>Bytes of a difference that are returned.</summary>
    public const int MaxShownBytes = 256;

    /// <summary>Bytes that are read and compared at a time.</summary>
    private const int ChunkBytes = 64 * 1024;

    private readonly MapMemoryReader _reader = new(process, cancellation);
    private readonly PopulatedPages? _pages = process is LinuxProcess live ? new PopulatedPages(live, cancellation) : null;

    /// <summary>Called once for each reason why answers are incomplete.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Leaves out the differences that are explained, and does not look up what they belong to.</summary>
    public bool UnexplainedOnly { get; init; }

    /// <summary>Bytes that were compared so far.</summary>
    public ulong ComparedBytes { get; private set; }

    /// <summary>Compares the images of the process, file by file in address order.</summary>
    /// <param name="filter">Selects mappings; a file counts where one of its mappings does.</param>
    /// <exception cref="MemProcException">
    /// ReadMaps, ReadPageMap, ReadMemory: no access; ESRCH where the process exits.
    /// </exception>
    public IEnumerable<ImageDifference> Compare(MapFilter filter)
    {
        using Symbolizer symbolizer = new(process, null, cancellation) { Warn = Warn };
        MappedImages images = symbolizer.Begin();
        Dictionary<MappedFile, ImageExports?> exports = [];
        foreach (MappedFile file in images.Files)
        {
            if (file.Maps[0].Kind == ProcMapKind.File && file.Maps.Any(filter.Matches))
            {
                foreach (ImageDifference difference in Compare(images, file, exports, symbolizer))
                {
                    yield return difference;
                }

                file.Close();
            }
        }

        process.ThrowIfExited(Operation.CompareMemory);
    }

    private IEnumerable<ImageDifference> Compare(
        MappedImages images, MappedFile file, Dictionary<MappedFile, ImageExports?> exports, Symbolizer symbolizer)
    {
        cancellation.ThrowIfCancellationRequested();
        bool isCode = file.Maps.Any(map => map.IsExecutable);
        if (isCode && (file.IsReplaced || file.IsDeleted))
        {
            yield return new ImageDifference(file, process.Identity,
                file.IsReplaced ? ImageDifferenceKind.FileReplaced : ImageDifferenceKind.FileDeleted)
            {
                Address = file.Maps[0].Start,
            };
        }

        List<(ProcMap Map, AddressRange Range)> changed = [.. file.Maps.Where(map => !map.IsShared).SelectMany(ChangedPages)];
        if (changed.Count == 0 || !IsReadable(file, isCode, out string? reason))
        {
            yield break;
        }

        if (reason is not null)
        {
            yield return new ImageDifference(file, process.Identity, ImageDifferenceKind.NotCompared)
            {
                Address = file.Maps[0].Start,
                Reason = reason,
            };
            yield break;
        }

        ImageWalk walk = new(process.Identity, images, file, exports, symbolizer, cancellation)
        {
            UnexplainedOnly = UnexplainedOnly,
        };
        foreach ((ProcMap map, AddressRange range) in changed)
        {
            if (file.ImageOf(map) is not { IsLoaded: true } image)
            {
                continue;
            }

            foreach ((AddressRange part, bool isRelRo) in walk.CheckedParts(image, map, range))
            {
                for (ulong at = part.Start; at < part.End; at += ChunkBytes)
                {
                    AddressRange chunk = new(at, Math.Min(at + ChunkBytes, part.End));
                    (byte[] before, byte[] after, IReadOnlyList<MemoryGap> gaps) = Read(file, map, chunk);
                    foreach (ImageDifference difference in walk.Differences(image, map, chunk, before, after, gaps, isRelRo))
                    {
                        yield return difference;
                    }
                }
            }
        }

        foreach (ImageDifference difference in walk.End())
        {
            yield return difference;
        }
    }

    /// <summary>Whether a file is an ELF file; with the reason where it cannot be compared.</summary>
    private static bool IsReadable(MappedFile file, bool isCode, out string? reason)
    {
        reason = null;
        if (file.Elf is not ElfFile elf)
        {
            reason = file.LoadError?.Message;
            return reason is not null && isCode;
        }

        if (elf.Source.IsMemory)
        {
            reason = file.LoadError?.Message ?? "The file cannot be opened, or is not that of the mapping.";
            return isCode;
        }

        return true;
    }

    /// <summary>The parts of a mapping that can differ from the file.</summary>
    private IEnumerable<(ProcMap Map, AddressRange Range)> ChangedPages(ProcMap map)
    {
        if (process is CoreFile core)
        {
            foreach (AddressRange range in core.Memory.Ranges(map.Start, map.End))
            {
                yield return (map, range);
            }

            yield break;
        }

        foreach (PageMapRange pages in _pages!.Of(map, AddressRange.All))
        {
            for (int first = 0; first < pages.Entries.Length; first++)
            {
                int next = first;
                while (next < pages.Entries.Length && IsCopy(pages.Entries.Span[next]))
                {
                    next++;
                }

                if (next > first)
                {
                    yield return (map, new AddressRange(pages.Address + (ulong)first * MachinePage.SizeBytes,
                        pages.Address + (ulong)next * MachinePage.SizeBytes));
                    first = next;
                }
            }
        }
    }

    /// <summary>Whether a page of a private file mapping is a private copy, in memory or in swap.</summary>
    private static bool IsCopy(ulong entry) => new RawPageMapEntry(entry) is { IsFileOrShared: false } page
        && (page.IsPresent || page.IsSwapped);

    private (byte[] Before, byte[] After, IReadOnlyList<MemoryGap> Gaps) Read(MappedFile file, ProcMap map, AddressRange range)
    {
        byte[] before = new byte[(int)range.SizeBytes], after = new byte[before.Length];
        // What is after the end of the file are zeros.
        file.Elf!.Source.Read(map.Offset + (range.Start - map.Start), before);
        IReadOnlyList<MemoryGap> gaps = _reader.Of(map).Read(range.Start, after.AsMemory());
        ComparedBytes += range.SizeBytes;
        return (before, after, gaps);
    }
}

using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Finds paths of pointers from static memory, the data of the program and its libraries, to an address.
/// </summary>
/// <remarks>
/// The search runs backwards: one pass over the writable memory finds the pointers to the address and to at most some bytes
/// before it, the next pass the pointers to those, and so on. What is kept are the pointers of each pass. Each of them leads
/// to the address, so that the paths are then written without a search.
/// </remarks>
/// <param name="process">The process or core.</param>
/// <param name="cancellation">Stops the work.</param>
public sealed class PointerPathFinder(MemoryTarget process, CancellationToken cancellation = default)
{
    /// <summary>Number of pointers of a path where nothing else is specified.</summary>
    public const int DefaultDepth = 4;

    /// <summary>Maximum number of pointers of a path.</summary>
    public const int MaxDepth = 16;

    /// <summary>Maximum offset where nothing else is specified.</summary>
    public const ulong DefaultMaxOffset = 0x1000;

    /// <summary>Maximum of the maximum offset.</summary>
    public const ulong OffsetLimit = 1 << 20;

    private readonly int _wordBytes = DataModel.Of(process).PointerBytes;
    private MappedImages? _images;

    /// <summary>Maximum number of pointers of a path.</summary>
    public int Depth { get; init; } = DefaultDepth;

    /// <summary>Maximum number of bytes from what a pointer points to, to the next pointer or the address.</summary>
    public ulong MaxOffset { get; init; } = DefaultMaxOffset;

    /// <summary>Maximum number of bytes of memory for pointers; null: a quarter of what is available, at most 4 GiB.</summary>
    public ulong? MaxHeldBytes { get; init; }

    /// <summary>Processors that take part.</summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 4);

    /// <summary>Called before the search with the maximum number of bytes that it keeps.</summary>
    public Action<ulong>? Estimated { get; init; }

    /// <summary>Called where paths are left out, since the pointers of a pass exceed the memory.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Called several times a second with the number of the pass, from 1, and its progress.</summary>
    public Action<int, SearchProgress>? Progress { get; init; }

    /// <summary>Returns the paths to an address as they are found, those with the fewest pointers first.</summary>
    /// <param name="address">The address.</param>
    /// <exception cref="MemProcException">
    /// FindMap, ENOENT: nothing is mapped at the address. ReadMaps, ReadPageMap, ReadMemory: no access. ESRCH: the process
    /// exits meanwhile.
    /// </exception>
    public IEnumerable<PointerChain> Find(ulong address)
    {
        if (MapReader.Find(process, address, cancellation) is null)
        {
            throw MapReader.NotMapped(process, address);
        }

        ulong limit = MaxHeldBytes ?? Math.Min(AvailableMemory.Bytes(process.Files) / 4, 4UL << 30);
        Estimated?.Invoke(limit);
        using MappedImages images = new(process, cancellation);
        _images = images;
        List<PointerLevel> levels = [];
        PointerLevel reached = new();
        reached.Add([new PointerNode(address, 0)]);
        ulong held = 0;
        for (int depth = 1; depth <= Depth && reached.Count > 0; depth++)
        {
            reached.Index(MaxOffset);
            levels.Add(reached);
            // Those of the last pass begin no longer paths.
            PointerLevel? kept = depth < Depth ? new() : null;
            bool isExceeded = false;
            foreach (PointerNode head in Pass(reached, depth, nodes => isExceeded |= !Keep(kept, nodes, limit - held)))
            {
                foreach (PointerChain chain in Chains(head, levels, address))
                {
                    yield return chain;
                }
            }

            if (isExceeded)
            {
                Warn?.Invoke($"Process {process.Identity}: more than {HumanSize.Format(limit)} of pointers lead to 0x{address:x} by "
                    + $"{depth} or fewer. Longer paths are left out. Specify a smaller maximum offset or depth.");
                yield break;
            }

            if (kept is null)
            {
                yield break;
            }

            held += (ulong)kept.Count * PointerBytes;
            reached = kept;
        }
    }

    /// <summary>Returns the paths that lead to an address, of those that were found before.</summary>
    /// <param name="address">The address in this process.</param>
    /// <param name="chains">The paths.</param>
    /// <exception cref="MemProcException">ReadMaps: the mappings cannot be read. ESRCH: the process exits meanwhile.</exception>
    public IEnumerable<PointerChain> Narrow(ulong address, IEnumerable<SavedPointerChain> chains)
    {
        using AddressResolution resolution = new(process, cancellation);
        foreach (SavedPointerChain chain in chains)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryResolve(resolution, chain.Base) is ulong start && TryResolve(
                resolution, PointerChain.ExpressionOf(chain.Base, chain.Offsets)) == address)
            {
                yield return new PointerChain(process.Identity, address, chain.Base, start, chain.Offsets);
            }
        }

        process.ThrowIfExited(Operation.FindPointerPath);
    }

    private const int PointerBytes = 2 * sizeof(ulong);

    /// <summary>A path that is broken in this process is dropped, whatever the reason.</summary>
    private ulong? TryResolve(AddressResolution resolution, string expression)
    {
        try
        {
            return resolution.Resolve(AddressExpression.Parse(expression));
        }
        catch (FormatException error)
        {
            throw new MemProcException(Operation.FindPointerPath, Errno.EINVAL, error.Message, expression);
        }
        catch (MemProcException error) when (error.Errno is not (Errno.EACCES or Errno.EPERM) && !process.HasExited)
        {
            return null;
        }
    }

    /// <summary>Adds pointers to those that are kept. Returns false where they exceed the memory: then all are dropped.</summary>
    private static bool Keep(PointerLevel? kept, PointerNode[] nodes, ulong limit)
    {
        if (kept is null || kept.IsDropped)
        {
            return kept is null;
        }

        kept.Add(nodes);
        if ((ulong)kept.Count * PointerBytes > limit)
        {
            kept.Drop();
        }

        return !kept.IsDropped;
    }

    /// <summary>
    /// Returns the pointers to pointers of one level that are in static memory, with which paths begin, as they are found.
    /// </summary>
    /// <param name="targets">The pointers of the level.</param>
    /// <param name="depth">Number of the pass.</param>
    /// <param name="keep">Called with the pointers in other memory.</param>
    private IEnumerable<PointerNode> Pass(PointerLevel targets, int depth, Action<PointerNode[]> keep)
    {
        SearchPass pass = new(process, new SearchRange { Filter = new MapFilter { Permissions = ["rw??"] } },
            new PointerPattern(_wordBytes), context: 0, cancellation)
        {
            Workers = Workers,
            Progress = progress => Progress?.Invoke(depth, progress),
        };
        Place place = default;
        foreach (SearchChunk chunk in pass.Run((chunk, stopped) => FindPointers(chunk, targets, stopped)))
        {
            List<PointerNode> others = [];
            foreach ((ulong address, ulong target) in chunk.Pointers)
            {
                place = address >= place.Start && address < place.End ? place : PlaceOf(address);
                if (place.IsStatic || (place.HasZeros && _images!.ImageOfZeros(place.Map, address) is { IsLoaded: true }))
                {
                    yield return new PointerNode(address, target);
                }
                else if (!place.IsStack)
                {
                    others.Add(new PointerNode(address, target));
                }
            }

            keep([.. others]);
        }

        process.ThrowIfExited(Operation.FindPointerPath);
    }

    /// <summary>Adds the pointers of a piece to it. Returns whether there are any.</summary>
    private bool FindPointers(SearchChunk chunk, PointerLevel targets, CancellationToken stopped)
    {
        foreach (SearchWindow window in chunk.Windows)
        {
            stopped.ThrowIfCancellationRequested();
            int first = window.From + (int)((0 - window.FromAddress) & (ulong)(_wordBytes - 1));
            int end = Math.Min(window.To, window.End - _wordBytes + 1);
            if (first >= end)
            {
                continue;
            }

            ReadOnlySpan<byte> bytes = chunk.Buffer.AsSpan(first, (end - first + _wordBytes - 1) / _wordBytes * _wordBytes);
            ulong address = window.AddressOf(first);
            if (_wordBytes == sizeof(ulong))
            {
                FindPointers(MemoryMarshal.Cast<byte, ulong>(bytes), address, targets, chunk.Pointers);
            }
            else
            {
                ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(bytes);
                for (int index = 0; index < words.Length; index++)
                {
                    if (words[index] != 0 && targets.IsNear(words[index]))
                    {
                        chunk.Pointers.Add((address + (ulong)(index * sizeof(uint)), words[index]));
                    }
                }
            }
        }

        return chunk.Pointers.Count > 0;
    }

    private static void FindPointers(ReadOnlySpan<ulong> words, ulong address, PointerLevel targets, List<(ulong Address, ulong Target)> found)
    {
        int index = 0;
        // Most words are zeros or small numbers: four at a time are skipped.
        for (; index + Vector256<ulong>.Count <= words.Length; index += Vector256<ulong>.Count)
        {
            Vector256<ulong> four = Vector256.Create(words[index..]);
            if ((four & Vector256.Create(0xffff_ffff_ffff_0000UL)) == Vector256<ulong>.Zero)
            {
                continue;
            }

            for (int one = index; one < index + Vector256<ulong>.Count; one++)
            {
                Add(words[one], one);
            }
        }

        for (; index < words.Length; index++)
        {
            Add(words[index], index);
        }

        void Add(ulong word, int at)
        {
            if (targets.IsNear(word))
            {
                found.Add((address + (ulong)(at * sizeof(ulong)), word));
            }
        }
    }

    /// <summary>
    /// Returns what the mapping of an address is. The main thread's stack holds values that do not last; it is left out.
    /// </summary>
    private Place PlaceOf(ulong address)
    {
        int index = _images!.IndexOf(address);
        if (index < 0)
        {
            return default;
        }

        ProcMap map = _images.Maps[index];
        return new Place(index, map.Start, map.End, _images.FileOf(index)?.ImageOf(map) is { IsLoaded: true },
            _images.FileOf(index) is null && _images.ImageOfZeros(index, map.Start) is not null, map.Kind == ProcMapKind.Stack);
    }

    private MappedImage? ImageAt(int map, ulong address) =>
        _images!.FileOf(map)?.ImageOf(_images.Maps[map]) ?? _images.ImageOfZeros(map, address);

    /// <summary>Returns the paths that begin with a pointer in static memory.</summary>
    private IEnumerable<PointerChain> Chains(PointerNode head, List<PointerLevel> levels, ulong address)
    {
        if (BaseOf(head.Address) is not string start)
        {
            yield break;
        }

        ulong[] offsets = new ulong[levels.Count];
        // A stack of its own instead of recursion, so that the first paths come before the last are known.
        Stack<IEnumerator<PointerNode>> open = new([levels[^1].Near(head.Target).GetEnumerator()]);
        ulong[] targets = new ulong[levels.Count];
        targets[0] = head.Target;
        while (open.TryPeek(out IEnumerator<PointerNode>? next))
        {
            cancellation.ThrowIfCancellationRequested();
            int step = open.Count - 1;
            if (!next.MoveNext())
            {
                open.Pop();
                continue;
            }

            offsets[step] = next.Current.Address - targets[step];
            if (step == levels.Count - 1)
            {
                yield return new PointerChain(process.Identity, address, start, head.Address, [.. offsets]);
                continue;
            }

            targets[step + 1] = next.Current.Target;
            open.Push(levels[levels.Count - 2 - step].Near(next.Current.Target).GetEnumerator());
        }
    }

    /// <summary>Returns an address in static memory as an expression; null where no name means just this file.</summary>
    private string? BaseOf(ulong address)
    {
        int map = _images!.IndexOf(address);
        if (map < 0 || ImageAt(map, address) is not MappedImage image || image.File.Images is not [MappedImage only] || only != image)
        {
            return null;
        }

        string? name = new[] { image.File.Name, image.File.Path }.FirstOrDefault(name => _images.Named(name).Count() == 1);
        if (name is null)
        {
            return null;
        }

        ElfSection? section = image.ImageAddressOf(address) is ulong known ? image.File.SectionAt(known) : null;
        bool isNamed = section is not null && section.Name.StartsWith('.') && AddressExpression.QuoteSymbol(section.Name) == section.Name
            && image.Elf.Sections.Count(other => other.IsLoaded && other.Name == section.Name) == 1;
        ulong offset = address - (isNamed ? image.AddressOf(section!.VirtualAddress) : image.Start);
        return AddressExpression.Quote(name) + (isNamed ? $"!{section!.Name}" : string.Empty)
            + (offset == 0 ? string.Empty : $"+0x{offset:x}");
    }

    /// <summary>What a mapping is: static memory, or with static memory at its beginning, or a stack.</summary>
    private readonly record struct Place(int Map, ulong Start, ulong End, bool IsStatic, bool HasZeros, bool IsStack);

    /// <summary>What the pass has to know: the size of a pointer.</summary>
    private sealed class PointerPattern(int bytes) : SearchPattern(bytes, bytes)
    {
        internal override bool KeepsBytes => false;

        internal override int Find(SearchChunk chunk, in SearchWindow window, ref int next, Span<FoundMatch> found) =>
            throw new NotSupportedException();

        internal override object? ValueOf(ReadOnlySpan<byte> bytes) => throw new NotSupportedException();
    }
}

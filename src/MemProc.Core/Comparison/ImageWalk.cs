namespace MemProc;

/// <summary>
/// Explains the bytes of one file that differ. Differences without an explanation come one by one; those with one come
/// together for each section, when the section ends.
/// </summary>
/// <param name="process">The process.</param>
/// <param name="images">The mappings and files of the process.</param>
/// <param name="file">The file.</param>
/// <param name="exports">The dynamic symbols of files, once they were needed.</param>
/// <param name="symbolizer">Names addresses.</param>
/// <param name="cancellation">Stops the work.</param>
internal sealed class ImageWalk(
    ProcessIdentity process, MappedImages images, MappedFile file, Dictionary<MappedFile, ImageExports?> exports,
    Symbolizer symbolizer, CancellationToken cancellation)
{
    /// <summary>Equal bytes between two unexplained ones that are one difference.</summary>
    private const ulong JoinBytes = 8;

    /// <summary>Words of a .got that the dynamic linker fills for itself: its data, and its resolver.</summary>
    private const ulong LinkerWords = 3;

    /// <summary>The addresses below which a pointer is the addend of a weak symbol that is not defined.</summary>
    private const ulong MaxUndefined = 64 * 1024;

    private readonly ImageRelocations _relocations = ImageRelocations.Read(file.Elf!, cancellation);
    private readonly List<Group> _groups = [];
    private Group? _open;

    /// <summary>Leaves out the differences that are explained.</summary>
    public bool UnexplainedOnly { get; init; }

    /// <summary>Returns what the file decides of changed pages: segments without write permission, and PT_GNU_RELRO.</summary>
    public IEnumerable<(AddressRange Part, bool IsRelRo)> CheckedParts(MappedImage image, ProcMap map, AddressRange range)
    {
        foreach (ElfSegment segment in file.Elf!.Segments)
        {
            bool isRelRo = segment.Type == ElfSegmentType.GnuRelRo;
            if (!isRelRo && (segment.Type != ElfSegmentType.Load || segment.Permissions[1] == 'w'))
            {
                continue;
            }

            ulong start = image.AddressOf(segment.VirtualAddress);
            // Of a segment that is never written whole pages are mapped from the file.
            AddressRange part = (isRelRo
                ? new AddressRange(start, start + Math.Min(segment.MemoryBytes, InFile(segment)))
                : new AddressRange(start, start + segment.FileBytes).Pages).Clip(range);
            // A page that two segments share is mapped twice: its offset says for which one this mapping is.
            bool isOfSegment = unchecked(part.Start - map.Start + map.Offset)
                == unchecked(part.Start - start + segment.Offset);
            if (part.SizeBytes > 0 && isOfSegment)
            {
                yield return (part, isRelRo);
            }
        }
    }

    /// <summary>Returns the differences that are complete, and keeps what continues.</summary>
    /// <param name="image">The place of the file.</param>
    /// <param name="map">The mapping.</param>
    /// <param name="range">The addresses.</param>
    /// <param name="before">The bytes of the file.</param>
    /// <param name="after">The bytes in memory.</param>
    /// <param name="gaps">What could not be read of these.</param>
    /// <param name="isRelRo">The program writes there before it becomes read-only.</param>
    public IEnumerable<ImageDifference> Differences(MappedImage image, ProcMap map, AddressRange range, byte[] before,
        byte[] after, IReadOnlyList<MemoryGap> gaps, bool isRelRo)
    {
        foreach (MemoryGap gap in gaps)
        {
            int first = (int)(gap.Address - range.Start), length = (int)Math.Min(gap.Length, range.End - gap.Address);
            before.AsSpan(first, length).CopyTo(after.AsSpan(first));
        }

        for (int at = before.AsSpan().CommonPrefixLength(after); at < before.Length;)
        {
            cancellation.ThrowIfCancellationRequested();
            ulong address = range.Start + (ulong)at;
            ulong imageAddress = image.ImageAddressOf(address)!.Value;
            ElfSection? section = file.SectionAt(imageAddress);
            ImageRelocation? relocation = _relocations.At(imageAddress);
            // A word is explained as a whole.
            ulong word = relocation?.Address ?? imageAddress - imageAddress % (ulong)_relocations.WordBytes;
            int size = relocation is ImageRelocation known ? _relocations.SizeOf(known) : _relocations.WordBytes;
            ulong? value = WordAt(after, image.AddressOf(word), range), stored = WordAt(before, image.AddressOf(word), range);
            ImageExplanation explanation = Explain(image, section, relocation, imageAddress, value, stored, isRelRo);
            int end = (int)Math.Min((ulong)before.Length, (ulong)at + (word + (ulong)size - imageAddress));
            int next = end + before.AsSpan(end).CommonPrefixLength(after.AsSpan(end));
            if (UnexplainedOnly && explanation != ImageExplanation.None)
            {
                at = next;
                continue;
            }

            // The low bytes of a relocated address seldom change; the word is the difference all the same.
            int first = relocation is null ? at : Math.Max(0, at - (int)(imageAddress - word));
            ulong skipped = (ulong)(at - first);
            foreach (ImageDifference done in Add(
                new Piece(image, map, section, relocation, explanation, address - skipped, imageAddress - skipped, value),
                before, after, first, end))
            {
                yield return done;
            }

            at = next;
        }
    }

    /// <summary>Returns what is left.</summary>
    public IEnumerable<ImageDifference> End()
    {
        if (_open is not null)
        {
            yield return Result(_open);
            _open = null;
        }

        foreach (Group group in _groups)
        {
            yield return Result(group);
        }

        _groups.Clear();
    }

    private ulong InFile(ElfSegment relRo) => file.Elf!.Segments.FirstOrDefault(segment => segment.Covers(relRo.VirtualAddress))
        is ElfSegment load && relRo.VirtualAddress - load.VirtualAddress is ulong offset && offset < load.FileBytes
        ? load.FileBytes - offset
        : 0;

    private ImageExplanation Explain(MappedImage image, ElfSection? section, ImageRelocation? relocation,
        ulong imageAddress, ulong? value, ulong? stored, bool isRelRo)
    {
        if (relocation is ImageRelocation known)
        {
            // A word that begins before what was read, or ends after it, cannot be checked.
            return value is null || IsPlausible(image, known, value.Value, stored!.Value)
                ? ImageExplanation.Relocation
                : ImageExplanation.None;
        }

        return section?.Name == ".dynamic"
            || (section?.Name is ".got" or ".got.plt"
                && imageAddress - section.VirtualAddress < LinkerWords * (ulong)_relocations.WordBytes)
            ? ImageExplanation.DynamicLinker
            : isRelRo ? ImageExplanation.Initialization
            : ImageExplanation.None;
    }

    /// <summary>Whether a relocation can have made a value.</summary>
    private bool IsPlausible(MappedImage image, ImageRelocation relocation, ulong value, ulong stored)
    {
        ulong mask = _relocations.WordBytes == sizeof(ulong) ? ulong.MaxValue : uint.MaxValue;
        if (_relocations.IsRelative(relocation))
        {
            return value == (image.AddressOf(relocation.Addend ?? stored) & mask);
        }

        return !_relocations.IsPointer(relocation) || value < MaxUndefined || IsOfSymbol(image, relocation, value, stored, mask);
    }

    /// <summary>
    /// Whether a pointer is what the dynamic linker may have found for the symbol of a relocation: a symbol of that name in any
    /// file, or the function that an indirect one of that name chose.
    /// </summary>
    private bool IsOfSymbol(MappedImage image, ImageRelocation relocation, ulong value, ulong stored, ulong mask)
    {
        ElfSymbol? symbol = _relocations.SymbolOf(relocation);
        ulong address = (value - _relocations.AddedBy(relocation, stored)) & mask;
        if (symbol?.Type == ElfSymbolType.Section)
        {
            return address == (image.AddressOf(symbol.Value) & mask);
        }

        // A weak symbol that no file defines is 0. A function that was not called yet leads to its jump table, as the file says.
        // Symbols at the end of an image are in no mapping.
        if (address == 0 || (_relocations.NameOf(relocation) == "JUMP_SLOT" && value == (image.AddressOf(stored) & mask))
            || (symbol is not null && ExportsOf(file)?.Has(image.ImageAddressOf(address)!.Value & mask, symbol.Name) == true))
        {
            return true;
        }

        int index = images.IndexOf(address);
        MappedImage? target = index < 0 ? null
            : images.ImageOfZeros(index, address) ?? images.FileOf(index)?.ImageOf(images.Maps[index]);
        if (target is not { IsLoaded: true } || ExportsOf(target.File) is not ImageExports known)
        {
            // A file that cannot be read may have the symbol.
            return target?.File.LoadError is not null;
        }

        ulong found = target.ImageAddressOf(address)!.Value & mask;
        bool isChosen = images.Maps[index].IsExecutable && (symbol is null ? target.File == file : known.HasIndirect(symbol.Name));
        return isChosen || (symbol is not null && known.Has(found, symbol.Name))
            // Indirect functions choose those of the vDSO, too.
            || (target.File.Maps[0].Kind == ProcMapKind.Vdso && known.Has(found, null));
    }

    private ImageExports? ExportsOf(MappedFile of)
    {
        if (!exports.TryGetValue(of, out ImageExports? known))
        {
            exports[of] = known = ImageExports.Of(of);
        }

        return known;
    }

    private ulong? WordAt(byte[] bytes, ulong address, AddressRange range)
    {
        int size = _relocations.WordBytes;
        return address >= range.Start && address + (ulong)size <= range.End
            ? new ElfFieldReader(bytes.AsSpan((int)(address - range.Start), size), file.Elf!.Format).ReadNative()
            : null;
    }

    private IEnumerable<ImageDifference> Add(Piece piece, byte[] before, byte[] after, int at, int end)
    {
        // The sections before this one are complete.
        if (_groups.Count > 0 && _groups[0].First.Section?.Index != piece.Section?.Index)
        {
            foreach (ImageDifference done in End())
            {
                yield return done;
            }
        }

        Group? group = piece.Explanation == ImageExplanation.None ? _open
            : _groups.Find(known => known.First.Explanation == piece.Explanation);
        bool continues = group is not null && (piece.Explanation != ImageExplanation.None
            || (piece.Address - group.End <= JoinBytes && group.First.Section?.Index == piece.Section?.Index
                && group.First.Image == piece.Image));
        if (!continues)
        {
            if (piece.Explanation == ImageExplanation.None && _open is not null)
            {
                yield return Result(_open);
            }

            group = new Group(piece);
            if (piece.Explanation == ImageExplanation.None)
            {
                _open = group;
            }
            else
            {
                _groups.Add(group);
            }
        }

        // The equal bytes at the end of a word that is not relocated are not part of it.
        int last = end;
        while (piece.Relocation is null && last > at && before[last - 1] == after[last - 1])
        {
            last--;
        }

        group!.Add(piece, before, after, at, last);
        if (piece.Relocation is ImageRelocation relocation)
        {
            string name = _relocations.NameOf(relocation);
            group.Counts[name] = group.Counts.GetValueOrDefault(name) + 1;
        }
    }

    private ImageDifference Result(Group group)
    {
        Piece first = group.First;
        bool isOne = group.Counts.Values.Sum() == 1 && first.Relocation is not null;
        string? symbolOfRelocation = isOne ? _relocations.SymbolOf(first.Relocation!.Value)?.Name : null;
        // Of many places together, the symbol of the first one would mislead.
        ResolvedSymbol? symbol = isOne || first.Explanation == ImageExplanation.None
            ? file.SymbolAt(first.ImageAddress, first.Section)
            : null;
        return new ImageDifference(file, process, ImageDifferenceKind.Content)
        {
            Address = first.Address,
            Length = group.End - first.Address,
            ChangedBytes = group.ChangedBytes,
            ImageAddress = first.ImageAddress,
            FileOffset = first.Map.Offset + (first.Address - first.Map.Start),
            Section = first.Section?.Name,
            Symbol = symbol?.Name,
            SymbolOffset = symbol is null ? null : first.ImageAddress - symbol.Start,
            PreviousBytes = [.. group.Before],
            Bytes = [.. group.After],
            Explanation = first.Explanation,
            Relocation = group.Counts.Count == 0 ? null
                : isOne ? $"{group.Counts.Keys.First()} {symbolOfRelocation}".TrimEnd()
                : string.Join(", ", group.Counts.Select(count => $"{count.Value} {count.Key}")),
            Target = isOne && first.Value is ulong pointer
                && (_relocations.IsPointer(first.Relocation!.Value) || _relocations.IsRelative(first.Relocation.Value))
                ? symbolizer.Locate(pointer)?.Location ?? $"0x{pointer:x}"
                : null,
        };
    }

    /// <summary>Bytes that differ, in one word.</summary>
    private readonly record struct Piece(MappedImage Image, ProcMap Map, ElfSection? Section, ImageRelocation? Relocation,
        ImageExplanation Explanation, ulong Address, ulong ImageAddress, ulong? Value);

    /// <summary>Pieces that are one difference.</summary>
    private sealed class Group(Piece first)
    {
        public Piece First { get; } = first;

        public ulong End { get; private set; } = first.Address;

        public ulong ChangedBytes { get; private set; }

        public List<byte> Before { get; } = [];

        public List<byte> After { get; } = [];

        public Dictionary<string, int> Counts { get; } = [];

        public void Add(Piece piece, byte[] before, byte[] after, int at, int last)
        {
            // Equal bytes between two pieces are shown as they are in the file.
            ulong between = piece.Address - End;
            bool isKnown = between <= (ulong)at && (ulong)Before.Count == End - First.Address;
            int from = isKnown ? at - (int)between : at;
            for (int index = from; index < last && Before.Count < ImageComparer.MaxShownBytes && isKnown; index++)
            {
                Before.Add(before[index]);
                After.Add(after[index]);
            }

            for (int index = at; index < last; index++)
            {
                ChangedBytes += before[index] == after[index] ? 0UL : 1;
            }

            End = piece.Address + (ulong)(last - at);
        }
    }
}

using System.Text;

namespace MemProc;

/// <summary>
/// The tables of an ELF image: symbols, notes, the dynamic section. They are found by section headers; without these by the
/// program headers and the dynamic section, as the dynamic linker does it.
/// </summary>
internal sealed class ElfTables
{
    private const ulong MaxNoteBytes = 16 * 1024 * 1024;

    /// <summary>Notes of the largest valid core, a thread and a part of the page information each, and fewer than take long.</summary>
    private const int MaxNotes = 1 << 20;
    private const int MaxOwnerBytes = 16;
    private const int HeadBytes = 12;

    private readonly ElfFile _file;
    private readonly Lazy<Dictionary<ElfDynamicTag, ulong>> _dynamic;
    private readonly Dictionary<ElfSymbolSource, ElfSymbolTable?> _symbols = [];

    public ElfTables(ElfFile file)
    {
        _file = file;
        _dynamic = new Lazy<Dictionary<ElfDynamicTag, ulong>>(() =>
        {
            Dictionary<ElfDynamicTag, ulong> values = [];
            foreach ((ElfDynamicTag tag, ulong value) in DynamicValues())
            {
                values.TryAdd(tag, value);
            }

            return values;
        });
    }

    /// <summary>Returns a symbol table; null where there is none.</summary>
    public ElfSymbolTable? Symbols(ElfSymbolSource kind)
    {
        if (!_symbols.TryGetValue(kind, out ElfSymbolTable? table))
        {
            ElfSectionType type = kind == ElfSymbolSource.Full ? ElfSectionType.SymbolTable : ElfSectionType.DynamicSymbols;
            ElfSection? section = _file.Sections.FirstOrDefault(section => section.Type == type);
            table = section is not null ? FromSection(kind, section)
                : kind == ElfSymbolSource.Dynamic ? FromDynamic()
                : null;
            _symbols[kind] = table;
        }

        return table;
    }

    /// <summary>Returns the notes of all note segments; without such segments those of note sections.</summary>
    public IEnumerable<ElfNote> Notes()
    {
        ulong length = 0;
        foreach ((ulong offset, ulong bytes, ulong alignment) in NoteRanges())
        {
            // Several segments can show the same notes.
            length += Math.Min(bytes, MaxNoteBytes + 1);
            if (length > MaxNoteBytes)
            {
                throw _file.Source.Malformed($"its notes have more than {MaxNoteBytes} bytes");
            }

            foreach (ElfNote note in Notes(offset, bytes, alignment))
            {
                yield return note;
            }
        }
    }

    /// <summary>
    /// Returns where the notes are, without their content: of a core they can be large. What is malformed, or was cut off,
    /// ends its segment.
    /// </summary>
    /// <param name="fault">Called with the reason where a segment ends early.</param>
    public IEnumerable<ElfNoteHead> NoteHeads(Action<MemProcException> fault)
    {
        byte[] buffer = new byte[HeadBytes + MaxOwnerBytes];
        int count = 0;
        foreach ((ulong start, ulong bytes, ulong alignment) in NoteRanges())
        {
            ulong unit = alignment == 8 ? 8UL : 4UL;
            ulong end = start + Math.Min(bytes, ulong.MaxValue - start);
            for (ulong at = start; end - at >= HeadBytes;)
            {
                int read = _file.Source.Read(at, buffer.AsSpan(0, (int)Math.Min((ulong)buffer.Length, end - at)));
                if (read < HeadBytes || ++count > MaxNotes)
                {
                    fault(_file.Source.Malformed(read < HeadBytes
                        ? $"its notes were cut off at offset 0x{at:x}"
                        : $"it has more than {MaxNotes} notes"));
                    break;
                }

                ElfFieldReader head = new(buffer.AsSpan(0, HeadBytes), _file.Format);
                (uint nameBytes, uint contentBytes, uint type) = (head.ReadWord(), head.ReadWord(), head.ReadWord());
                ulong content = start + Align(at - start + HeadBytes + nameBytes, unit);
                if (content > end || contentBytes > end - content)
                {
                    fault(_file.Source.Malformed($"a note at offset 0x{at:x} extends past the end of its segment"));
                    break;
                }

                string owner = nameBytes <= MaxOwnerBytes && HeadBytes + nameBytes <= read
                    ? Encoding.UTF8.GetString(buffer, HeadBytes, (int)nameBytes).TrimEnd('\0')
                    : string.Empty;
                yield return new ElfNoteHead(owner, type, content, contentBytes);
                at = start + Math.Min(Align(content - start + contentBytes, unit), end - start);
            }
        }
    }

    /// <summary>Returns the dynamic section with its strings.</summary>
    public IEnumerable<ElfDynamicEntry> Dynamic()
    {
        ElfStringTable? strings = null;
        foreach ((ElfDynamicTag tag, ulong value) in DynamicValues())
        {
            bool isText = value <= uint.MaxValue && tag
                is ElfDynamicTag.Needed or ElfDynamicTag.SoName or ElfDynamicTag.RPath or ElfDynamicTag.RunPath;
            strings ??= isText ? DynamicStrings() : null;
            yield return new ElfDynamicEntry(tag, value, isText ? strings?[(uint)value] : null);
        }
    }

    private ElfSymbolTable FromSection(ElfSymbolSource kind, ElfSection section)
    {
        ulong size = (ulong)_file.Format.SymbolBytes;
        if (section.EntryBytes != size)
        {
            throw _file.Source.Malformed(
                $"section {section.Index} has symbols of {section.EntryBytes} bytes each instead of {size}");
        }

        ElfSection strings = section.Link < _file.Sections.Count
            ? _file.Sections[(int)section.Link]
            : throw _file.Source.Malformed(
                $"section {section.Index} has its strings in section {section.Link}, which does not exist");
        ElfStringTable names = new(_file.Source, strings.Offset, strings.SizeBytes);
        return new ElfSymbolTable(_file, kind, section.Offset, section.SizeBytes / size, names,
            kind == ElfSymbolSource.Dynamic ? VersionsFromSections(names) : null,
            Content(_file.Sections.FirstOrDefault(other =>
                other.Type == ElfSectionType.SymbolSectionIndexes && other.Link == section.Index)));
    }

    private ElfVersions? VersionsFromSections(ElfStringTable names)
    {
        ElfSection? Section(ElfSectionType type) => _file.Sections.FirstOrDefault(section => section.Type == type);
        return Content(Section(ElfSectionType.GnuVersions)) is byte[] indexes
            ? new ElfVersions(_file.Source, _file.Format, indexes,
                Content(Section(ElfSectionType.GnuVersionDefinitions)) ?? [],
                Content(Section(ElfSectionType.GnuVersionNeeds)) ?? [], names)
            : null;
    }

    private byte[]? Content(ElfSection? section) => section is null ? null
        : _file.Source.ReadExactly(section.Offset, section.SizeBytes, $"section {section.Index}");

    private ElfSymbolTable? FromDynamic()
    {
        if (At(ElfDynamicTag.SymbolTable) is not ulong symbols || DynamicStrings() is not ElfStringTable names)
        {
            return null;
        }

        ulong count = SymbolCount();
        ElfVersions? versions = null;
        if (At(ElfDynamicTag.Versions) is ulong indexes && count <= ElfSymbolTable.MaxSymbols)
        {
            versions = new ElfVersions(_file.Source, _file.Format,
                _file.Source.ReadExactly(indexes, count * sizeof(ushort), "its versions"),
                Rest(ElfDynamicTag.VersionDefinitions), Rest(ElfDynamicTag.VersionNeeds), names);
        }

        return new ElfSymbolTable(_file, ElfSymbolSource.Dynamic, symbols, count, names, versions, null);
    }

    private ElfStringTable? DynamicStrings() =>
        At(ElfDynamicTag.StringTable) is ulong offset
        && _dynamic.Value.TryGetValue(ElfDynamicTag.StringTableBytes, out ulong length)
            ? new ElfStringTable(_file.Source, offset, length)
            : null;

    /// <summary>Reads a table of unknown size: the rest of its segment, at most 64 KiB.</summary>
    private byte[] Rest(ElfDynamicTag tag)
    {
        const ulong MaxBytes = 64 * 1024;
        if (At(tag) is not ulong offset)
        {
            return [];
        }

        ElfSegment? segment = _file.Segments.FirstOrDefault(segment => segment.Loads(offset));
        ulong length = segment is null ? 0 : Math.Min(segment.Offset + segment.FileBytes - offset, MaxBytes);
        return _file.Source.ReadExactly(offset, length, "its table of versions");
    }

    /// <summary>Returns the number of dynamic symbols, which only the hash tables contain.</summary>
    private ulong SymbolCount()
    {
        if (At(ElfDynamicTag.Hash) is ulong hash)
        {
            ElfFieldReader fields = new(_file.Source.ReadExactly(hash, 8, "its hash table"), _file.Format);
            fields.ReadWord();
            return fields.ReadWord();
        }

        return At(ElfDynamicTag.GnuHash) is ulong gnu ? GnuSymbolCount(gnu) : 0;
    }

    private ulong GnuSymbolCount(ulong offset)
    {
        ElfFieldReader header = new(_file.Source.ReadExactly(offset, 16, "its hash table"), _file.Format);
        ulong buckets = header.ReadWord(), first = header.ReadWord(), filterWords = header.ReadWord();
        ulong at = offset + 16 + filterWords * (_file.Format.Is64Bit ? 8UL : 4UL);
        byte[] table = _file.Source.ReadExactly(at, buckets * sizeof(uint), "its hash table");
        ulong last = 0;
        for (int index = 0; index < table.Length; index += sizeof(uint))
        {
            last = Math.Max(last, new ElfFieldReader(table.AsSpan(index), _file.Format).ReadWord());
        }

        if (last < first)
        {
            // No symbol is defined, and undefined ones are not in the hash table. Linkers put the names after the symbols.
            ulong? symbols = At(ElfDynamicTag.SymbolTable), names = At(ElfDynamicTag.StringTable);
            return names > symbols ? (names.Value - symbols.Value) / (ulong)_file.Format.SymbolBytes : first;
        }

        // The chain of the last bucket ends at the last symbol, whose lowest bit is set.
        const int Chunk = 1024;
        ulong chains = at + buckets * sizeof(uint);
        for (; ; last += Chunk)
        {
            ulong position = chains + (last - first) * sizeof(uint);
            byte[] chunk = new byte[Chunk * sizeof(uint)];
            int words = _file.Source.Read(position, chunk) / sizeof(uint);
            for (int index = 0; index < words; index++)
            {
                if ((new ElfFieldReader(chunk.AsSpan(index * sizeof(uint)), _file.Format).ReadWord() & 1) != 0)
                {
                    return last + (ulong)index + 1;
                }
            }

            if (words < Chunk || last > ElfSymbolTable.MaxSymbols)
            {
                throw _file.Source.Malformed("its hash table does not end");
            }
        }
    }

    /// <summary>Returns the file offset of an address in the dynamic section; null where there is none.</summary>
    private ulong? At(ElfDynamicTag tag)
    {
        if (!_dynamic.Value.TryGetValue(tag, out ulong address))
        {
            return null;
        }

        // Some dynamic linkers replace the address of the image by the address in the process.
        return _file.OffsetOf(address) ?? _file.Source.OffsetOf(address);
    }

    private IEnumerable<(ElfDynamicTag Tag, ulong Value)> DynamicValues()
    {
        ElfSegment? segment = _file.Segments.FirstOrDefault(segment => segment.Type == ElfSegmentType.Dynamic);
        if (segment is null || segment.FileBytes == 0)
        {
            yield break;
        }

        ulong offset = _file.Source.IsMemory ? _file.OffsetOf(segment.VirtualAddress) ?? segment.Offset : segment.Offset;
        byte[] table = _file.Source.ReadExactly(offset, segment.FileBytes, "its dynamic section");
        int size = _file.Format.DynamicBytes;
        for (int index = 0; index + size <= table.Length; index += size)
        {
            ElfFieldReader fields = new(table.AsSpan(index, size), _file.Format);
            ElfDynamicTag tag = (ElfDynamicTag)fields.ReadNative();
            yield return (tag, fields.ReadNative());
            if (tag == ElfDynamicTag.Null)
            {
                yield break;
            }
        }
    }

    private (ulong Offset, ulong Length, ulong Alignment)[] NoteRanges()
    {
        (ulong Offset, ulong Length, ulong Alignment)[] ranges =
            [.. _file.Segments.Where(segment => segment.Type == ElfSegmentType.Note)
                .Select(segment => (segment.Offset, segment.FileBytes, segment.Alignment))];
        return ranges.Length > 0 ? ranges
            : [.. _file.Sections.Where(section => section.Type == ElfSectionType.Note)
                .Select(section => (section.Offset, section.SizeBytes, section.Alignment))];
    }

    private IEnumerable<ElfNote> Notes(ulong offset, ulong length, ulong alignment)
    {
        byte[] bytes = _file.Source.ReadExactly(offset, length, "its notes");
        // Notes are padded to 4 bytes, or to 8 where the segment is aligned so.
        int unit = alignment == 8 ? 8 : 4;
        for (long at = 0; at + HeadBytes <= bytes.Length;)
        {
            ElfFieldReader head = new(bytes.AsSpan((int)at, HeadBytes), _file.Format);
            (uint nameBytes, uint contentBytes, uint type) = (head.ReadWord(), head.ReadWord(), head.ReadWord());
            long name = at + HeadBytes;
            long content = Align(name + nameBytes, unit);
            long end = content + contentBytes;
            if (end > bytes.Length)
            {
                throw _file.Source.Malformed($"a note at offset 0x{offset + (ulong)at:x} extends past the end of its segment");
            }

            yield return new ElfNote(Encoding.UTF8.GetString(bytes, (int)name, (int)nameBytes).TrimEnd('\0'),
                type, bytes[(int)content..(int)end]);
            at = Align(end, unit);
        }
    }

    private static long Align(long value, int unit) => (value + unit - 1) / unit * unit;

    private static ulong Align(ulong value, ulong unit) => (value + unit - 1) / unit * unit;
}

/// <summary>A note of an ELF file, written by the linker or the kernel.</summary>
/// <param name="Owner">Who defines the meaning of the type: <c>GNU</c>, <c>CORE</c>, <c>LINUX</c>…</param>
/// <param name="Type">The kind of note.</param>
/// <param name="Content">Content.</param>
public sealed record ElfNote(string Owner, uint Type, byte[] Content);

/// <summary>Where a note of an ELF file is.</summary>
/// <param name="Owner">As for <see cref="ElfNote"/>; empty where it is longer than any known one.</param>
/// <param name="Type">The kind of note.</param>
/// <param name="Offset">Offset of its content in the file.</param>
/// <param name="Length">Length of its content in bytes.</param>
internal readonly record struct ElfNoteHead(string Owner, uint Type, ulong Offset, ulong Length);

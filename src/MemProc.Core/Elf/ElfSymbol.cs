namespace MemProc;

/// <summary>A symbol of an ELF file (<c>Elf64_Sym</c> of elf(5)).</summary>
public record ElfSymbol
{
    /// <summary>The file, or the image in a process.</summary>
    public required string Path { get; init; }

    /// <summary>Which table it is from.</summary>
    public required ElfSymbolSource Table { get; init; }

    /// <summary>Place in the table, from 0; the first is always empty.</summary>
    public required int Index { get; init; }

    /// <summary>Its name as it is stored.</summary>
    public required string Name { get; init; }

    /// <summary>An address of the image, an offset in the section of an object file, or another number.</summary>
    public required ulong Value { get; init; }

    /// <summary>Bytes; 0 where nobody said.</summary>
    public required ulong SizeBytes { get; init; }

    /// <summary>What it names.</summary>
    public required ElfSymbolType Type { get; init; }

    /// <summary><see cref="Type"/> as readelf calls it: <c>FUNC</c>.</summary>
    public string TypeName => ElfNames.Of(Type);

    /// <summary>Who sees it when files are linked.</summary>
    public required ElfSymbolBinding Binding { get; init; }

    /// <summary>Who sees it when the program runs.</summary>
    public required ElfSymbolVisibility Visibility { get; init; }

    /// <summary>Which section it lies in; 0: it comes from another file, 0xfff1: a plain number, 0xfff2: common.</summary>
    public required uint SectionIndex { get; init; }

    /// <summary><see cref="SectionIndex"/> as readelf writes it: <c>UND</c>, <c>ABS</c>, <c>15</c>.</summary>
    public string SectionIndexName => ElfNames.OfIndex(SectionIndex);

    /// <summary>The version that it belongs to, <c>GLIBC_2.34</c>; null where it has none.</summary>
    public required string? Version { get; init; }

    /// <summary>Programs that ask for no version get this one.</summary>
    public required bool IsDefaultVersion { get; init; }

    /// <summary>It comes from another file.</summary>
    public bool IsUndefined => SectionIndex == 0;

    /// <summary>The name as C++ programmers wrote it, where it is one of theirs; else the name.</summary>
    public string DemangledName => CxxName.Demangle(Name) ?? Name;

    /// <summary>Name and version as linkers write them: <c>malloc@@GLIBC_2.2.5</c>.</summary>
    public string VersionedName => WithVersion(Name);

    /// <summary><see cref="DemangledName"/> with the version.</summary>
    public string FullName => WithVersion(DemangledName);

    private string WithVersion(string name) =>
        Version is null ? name : $"{name}{(IsDefaultVersion ? "@@" : "@")}{Version}";
}

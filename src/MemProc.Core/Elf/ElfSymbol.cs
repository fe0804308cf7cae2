namespace MemProc;

/// <summary>A symbol of an ELF file (<c>Elf64_Sym</c> of elf(5)).</summary>
public record ElfSymbol
{
    /// <summary>Path of the file, or of the mapping in a process.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the member, where <see cref="Path"/> is an archive; otherwise null.</summary>
    public string? Member { get; init; }

    /// <summary>The processor and the operating system that some names depend on.</summary>
    internal ElfTarget Target { get; init; }

    /// <summary>The table that it is from.</summary>
    public required ElfSymbolSource Table { get; init; }

    /// <summary>Index in the table, from 0; the first symbol is always empty.</summary>
    public required int Index { get; init; }

    /// <summary>Name as stored; of a symbol that stands for a section, the name of the section.</summary>
    public required string Name { get; init; }

    /// <summary>An address of the image, an offset in the section of an object file, or another number.</summary>
    public required ulong Value { get; init; }

    /// <summary><see cref="Value"/> in hex.</summary>
    public string ValueHex => HexText.Of(Value);

    /// <summary>Size in bytes; 0 where it is unknown.</summary>
    public required ulong SizeBytes { get; init; }

    /// <summary>Kind of what it names.</summary>
    public required ElfSymbolType Type { get; init; }

    /// <summary><see cref="Type"/> as readelf prints it: <c>FUNC</c>.</summary>
    public string TypeName => ElfNames.Of(Type, Target);

    /// <summary>Visibility to other files when they are linked.</summary>
    public required ElfSymbolBinding Binding { get; init; }

    /// <summary>Visibility to other modules at run time.</summary>
    public required ElfSymbolVisibility Visibility { get; init; }

    /// <summary>Index of its section; 0: defined in another file, 0xfff1: absolute, 0xfff2: common.</summary>
    public required uint SectionIndex { get; init; }

    /// <summary><see cref="SectionIndex"/> as readelf prints it: <c>UND</c>, <c>ABS</c>, <c>15</c>.</summary>
    public string SectionIndexName => IsExtendedIndex ? $"{SectionIndex}" : ElfNames.OfIndex(SectionIndex, Target);

    /// <summary>
    /// The index is that of a section however large it is: it comes from the table of those that do not fit the symbol.
    /// </summary>
    internal bool IsExtendedIndex { get; init; }

    /// <summary>It is in a section of the file.</summary>
    internal bool HasSection => IsExtendedIndex || SectionIndex is > 0 and < 0xff00;

    /// <summary>Its version, <c>GLIBC_2.34</c>; null where it has none.</summary>
    public required string? Version { get; init; }

    /// <summary>The default version, for programs that need none in particular.</summary>
    public required bool IsDefaultVersion { get; init; }

    /// <summary>It is defined in another file.</summary>
    public bool IsUndefined => SectionIndex == 0 && !IsExtendedIndex;

    /// <summary>The demangled C++ name; for other symbols the name.</summary>
    public string DemangledName => CxxName.Demangle(Name) ?? Name;

    /// <summary>Name and version as linkers write them: <c>malloc@@GLIBC_2.2.5</c>.</summary>
    public string VersionedName => WithVersion(Name);

    /// <summary><see cref="DemangledName"/> with the version.</summary>
    public string FullName => WithVersion(DemangledName);

    private string WithVersion(string name) =>
        Version is null ? name : $"{name}{(IsDefaultVersion ? "@@" : "@")}{Version}";

    /// <summary>Returns the name with its version.</summary>
    public sealed override string ToString() => SafeText.Escape(VersionedName);
}

/// <summary>A symbol table of an ELF file.</summary>
public enum ElfSymbolSource
{
    /// <summary>The table for dynamic linking, which stripping leaves.</summary>
    Dynamic,
    /// <summary>The table of all symbols known to the linker, local ones included.</summary>
    Full,
}

/// <summary>Kind of a symbol (<c>STT_*</c>). Other values stay numbers.</summary>
public enum ElfSymbolType : byte
{
    /// <summary>Unspecified.</summary>
    None = 0,
    /// <summary>Data.</summary>
    Object = 1,
    /// <summary>Code.</summary>
    Function = 2,
    /// <summary>A section.</summary>
    Section = 3,
    /// <summary>A source file.</summary>
    File = 4,
    /// <summary>Data without an address yet.</summary>
    Common = 5,
    /// <summary>An offset in thread-local storage.</summary>
    Tls = 6,
    /// <summary>An expression that the linker evaluates.</summary>
    Expression = 8,
    /// <summary>An expression of signed numbers that the linker evaluates.</summary>
    SignedExpression = 9,
    /// <summary>A function that returns the function to call.</summary>
    IndirectFunction = 10,
}

/// <summary>Visibility of a symbol when files are linked (<c>STB_*</c>). Other values stay numbers.</summary>
public enum ElfSymbolBinding : byte
{
    /// <summary>Visible in its own file.</summary>
    Local = 0,
    /// <summary>Visible in all files.</summary>
    Global = 1,
    /// <summary>Global, but yields to another global symbol with that name.</summary>
    Weak = 2,
    /// <summary>Global, and the same one in the whole process.</summary>
    Unique = 10,
}

/// <summary>Visibility of a symbol at run time (<c>STV_*</c>).</summary>
public enum ElfSymbolVisibility : byte
{
    /// <summary>As its binding says: global and weak symbols are visible in other modules.</summary>
    Default = 0,
    /// <summary>Hidden; the rest depends on the processor.</summary>
    Internal = 1,
    /// <summary>Not visible in other modules.</summary>
    Hidden = 2,
    /// <summary>Visible in other modules; its own module always uses this one.</summary>
    Protected = 3,
}

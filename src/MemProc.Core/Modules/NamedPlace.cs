namespace MemProc;

/// <summary>A symbol as far as an address needs it.</summary>
/// <param name="name">Its name as it is stored, without a version.</param>
/// <param name="start">Its first address: of the image, of a perf map in the process.</param>
/// <param name="origin">Where the name comes from.</param>
internal sealed class NamedPlace(string name, ulong start, SymbolOrigin origin)
{
    private readonly Lazy<string?> _demangled = new(() => CxxName.Demangle(name));

    /// <summary>Its name as it is stored, without a version.</summary>
    public string Name { get; } = name;

    /// <summary>The name as C++ programmers wrote it; null where it is none of theirs.</summary>
    public string? Demangled => _demangled.Value;

    /// <summary>Its first address.</summary>
    public ulong Start { get; } = start;

    /// <summary>Where the name comes from.</summary>
    public SymbolOrigin Origin { get; } = origin;
}

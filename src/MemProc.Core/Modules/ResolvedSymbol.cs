namespace MemProc;

/// <summary>The symbol of an address.</summary>
/// <param name="name">Its name as stored, without a version.</param>
/// <param name="start">Its first address: in the image, or in the process for a perf map.</param>
/// <param name="origin">Source of the name.</param>
internal sealed class ResolvedSymbol(string name, ulong start, SymbolOrigin origin)
{
    private readonly Lazy<string?> _demangled = new(() => CxxName.Demangle(name));

    /// <summary>Its name as stored, without a version.</summary>
    public string Name { get; } = name;

    /// <summary>The demangled C++ name; null where it is not a C++ name.</summary>
    public string? Demangled => _demangled.Value;

    /// <summary>Its first address.</summary>
    public ulong Start { get; } = start;

    /// <summary>Source of the name.</summary>
    public SymbolOrigin Origin { get; } = origin;
}

/// <summary>Source of the symbol of an address.</summary>
public enum SymbolOrigin
{
    /// <summary>The table for dynamic linking, which stripping leaves.</summary>
    Dynamic,
    /// <summary>The table of all symbols known to the linker.</summary>
    Full,
    /// <summary>The full table of a separate debug file.</summary>
    DebugFile,
    /// <summary>
    /// A perf map that the process wrote for code that it generates at run time: <c>/tmp/perf-PID.map</c>.
    /// </summary>
    PerfMap,
}

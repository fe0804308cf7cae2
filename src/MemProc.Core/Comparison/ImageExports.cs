namespace MemProc;

/// <summary>
/// The dynamic symbols of a file, by address: where relocations of other files may lead. Names are read when they are needed,
/// since few are.
/// </summary>
internal sealed class ImageExports
{
    private readonly MappedFile _file;
    private readonly ILookup<ulong, int> _indexes;
    private readonly int[] _indirect;

    private ImageExports(MappedFile file, ElfSymbolTable table)
    {
        _file = file;
        // An undefined function with an address is that of the jump table of a program: all pointers to it lead there.
        ElfSymbolTable.Entry[] entries = [.. table.Entries().Where(entry =>
            entry.Type != ElfSymbolType.Tls && (entry.HasSection || entry.Value != 0))];
        _indexes = entries.ToLookup(entry => entry.Value, entry => entry.Index);
        _indirect = [.. entries.Where(entry => entry.Type == ElfSymbolType.IndirectFunction).Select(entry => entry.Index)];
    }

    /// <summary>Reads the table; null where there is none, or it is malformed.</summary>
    /// <exception cref="MemProcException">ESRCH: the process has exited.</exception>
    public static ImageExports? Of(MappedFile file) => file.TryRun(() =>
        file.Elf?.SymbolTable(ElfSymbolSource.Dynamic) is ElfSymbolTable table ? new ImageExports(file, table) : null);

    /// <summary>Whether a symbol is at an address of the image; any symbol where no name is given.</summary>
    public bool Has(ulong imageAddress, string? name) => _indexes[imageAddress].Any(index => name is null || NameOf(index) == name);

    /// <summary>Whether a function with a name chooses at the start which function its callers get.</summary>
    public bool HasIndirect(string name) => Array.Exists(_indirect, index => NameOf(index) == name);

    /// <summary>The file may have been closed since: its table is read by the one that is open.</summary>
    private string? NameOf(int index) => _file.TryRun(() => _file.Elf?.DynamicSymbol((uint)index)?.Name);
}

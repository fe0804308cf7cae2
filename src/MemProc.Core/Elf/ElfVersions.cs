namespace MemProc;

/// <summary>The GNU versions of dynamic symbols: those that a file defines and those that it needs.</summary>
internal sealed class ElfVersions
{
    private const int HiddenBit = 0x8000;
    private const int DefinitionBytes = 20;
    private const int NeedBytes = 16;

    /// <summary>The indexes below stand for local symbols, and for global ones without a version.</summary>
    private const int FirstIndex = 2;

    private readonly byte[] _indexes;
    private readonly ElfFormat _format;
    private readonly Dictionary<int, string> _defined = [];
    private readonly Dictionary<int, string> _needed = [];

    /// <summary>Reads the versions.</summary>
    /// <param name="source">The image.</param>
    /// <param name="format">How it stores numbers.</param>
    /// <param name="indexes">16 bits a symbol.</param>
    /// <param name="definitions">The table of versions defined, or empty.</param>
    /// <param name="needs">The table of versions needed, or empty.</param>
    /// <param name="strings">Their names.</param>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: a table extends past its end.</exception>
    public ElfVersions(
        ElfSource source, ElfFormat format, byte[] indexes, byte[] definitions, byte[] needs, ElfStringTable strings)
    {
        _indexes = indexes;
        _format = format;
        AddDefinitions(source, definitions, strings);
        AddNeeds(source, needs, strings);
    }

    /// <summary>Returns the version of a symbol, and whether it is the default version.</summary>
    /// <param name="symbol">Its index in the table.</param>
    /// <param name="isUndefined">It is defined in another file.</param>
    public (string? Version, bool IsDefault) Of(int symbol, bool isUndefined)
    {
        long offsetInTable = (long)symbol * sizeof(ushort);
        if (offsetInTable + sizeof(ushort) > _indexes.Length)
        {
            return (null, false);
        }

        int raw = new ElfFieldReader(_indexes.AsSpan((int)offsetInTable), _format).ReadHalf();
        int index = raw & ~HiddenBit;
        // The base version is the name of the file itself, and is not a version of its symbols.
        return (isUndefined ? _needed : _defined).TryGetValue(index, out string? name) && index >= FirstIndex
            ? (name, !isUndefined && (raw & HiddenBit) == 0)
            : _needed.TryGetValue(index, out name) ? (name, false) : (null, false);
    }

    private void AddDefinitions(ElfSource source, byte[] table, ElfStringTable strings)
    {
        for (long at = 0; at < table.Length;)
        {
            ElfFieldReader fields = At(source, table, at, DefinitionBytes);
            fields.ReadWord();
            int index = fields.ReadHalf();
            fields.ReadHalf();
            fields.ReadWord();
            uint name = fields.ReadWord(), next = fields.ReadWord();
            _defined[index] = strings[At(source, table, at + name, sizeof(uint)).ReadWord()];
            if (next == 0)
            {
                break;
            }

            at += next;
        }
    }

    private void AddNeeds(ElfSource source, byte[] table, ElfStringTable strings)
    {
        // Each version has its own entry, so there cannot be more versions than entries.
        int left = table.Length / NeedBytes;
        for (long at = 0; at < table.Length;)
        {
            ElfFieldReader fields = At(source, table, at, NeedBytes);
            fields.ReadHalf();
            int count = fields.ReadHalf();
            fields.ReadWord();
            long entry = at + fields.ReadWord();
            uint next = fields.ReadWord();
            for (; count > 0; count--)
            {
                if (left-- == 0)
                {
                    throw source.Malformed("its table of versions repeats entries");
                }

                ElfFieldReader version = At(source, table, entry, NeedBytes);
                version.ReadWord();
                version.ReadHalf();
                int index = version.ReadHalf() & ~HiddenBit;
                _needed[index] = strings[version.ReadWord()];
                entry += version.ReadWord();
            }

            if (next == 0)
            {
                break;
            }

            at += next;
        }
    }

    private ElfFieldReader At(ElfSource source, byte[] table, long offset, int size) =>
        offset + size <= table.Length
            ? new ElfFieldReader(table.AsSpan((int)offset, size), _format)
            : throw source.Malformed("its table of versions extends past its end");
}

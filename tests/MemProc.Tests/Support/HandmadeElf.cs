using System.Text;

namespace MemProc.Tests;

/// <summary>A 64-bit little-endian ELF file with given headers, for numbers that no compiler here produces.</summary>
internal static class HandmadeElf
{
    private const int HeaderBytes = 64, SegmentBytes = 56, SectionBytes = 64, SymbolBytes = 24;

    /// <summary>Makes a file.</summary>
    /// <param name="machine">Processor architecture.</param>
    /// <param name="osAbi">Operating system ABI.</param>
    /// <param name="sections">Type and flags of sections, which have the name <c>.s</c>.</param>
    /// <param name="segments">Types of segments.</param>
    /// <param name="symbols">
    /// Symbols: type and binding, the section index, and the index in the table of large ones. They are in a table after
    /// the sections.
    /// </param>
    public static byte[] Create(
        ushort machine, byte osAbi = 0, (uint Type, ulong Flags)[]? sections = null, uint[]? segments = null,
        (byte Info, ushort Section, uint Extended)[]? symbols = null)
    {
        sections ??= [];
        segments ??= [];
        symbols ??= [];
        byte[] names = Encoding.ASCII.GetBytes("\0.s\0.names\0.symtab\0.large\0");
        const int SectionName = 1, NamesName = 4, SymbolsName = 11, LargeName = 19;
        ulong namesAt = (ulong)(HeaderBytes + segments.Length * SegmentBytes);
        ulong symbolsAt = namesAt + (ulong)names.Length;
        ulong largeAt = symbolsAt + (ulong)((symbols.Length + 1) * SymbolBytes);
        ulong sectionsAt = largeAt + (ulong)((symbols.Length + 1) * sizeof(uint));
        uint count = (uint)sections.Length + 4;
        bool isLarge = count >= 0xff00;
        bool hasManySegments = segments.Length >= 0xffff;

        using MemoryStream stream = new();
        using BinaryWriter file = new(stream);
        file.Write([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, osAbi, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.Write((ushort)1);
        file.Write(machine);
        file.Write(1u);
        file.Write(0UL);
        file.Write((ulong)(segments.Length == 0 ? 0 : HeaderBytes));
        file.Write(sectionsAt);
        file.Write(0u);
        foreach (int half in new[]
        {
            HeaderBytes, SegmentBytes, hasManySegments ? 0xffff : segments.Length, SectionBytes, isLarge ? 0 : (int)count,
            isLarge ? 0xffff : (int)count - 3,
        })
        {
            file.Write((ushort)half);
        }

        foreach (uint type in segments)
        {
            file.Write(type);
            file.Write(4u);
            file.Write(new byte[40]);
            file.Write(1UL);
        }

        file.Write(names);
        file.Write(new byte[SymbolBytes]);
        foreach ((byte info, ushort section, _) in symbols)
        {
            file.Write(0u);
            file.Write([info, 0]);
            file.Write(section);
            file.Write(0UL);
            file.Write(0UL);
        }

        file.Write(0u);
        foreach ((_, _, uint extended) in symbols)
        {
            file.Write(extended);
        }

        void Section(uint name, uint type, ulong flags, ulong offset, ulong size, uint link, uint info, ulong entry)
        {
            file.Write(name);
            file.Write(type);
            file.Write(flags);
            file.Write(0UL);
            file.Write(offset);
            file.Write(size);
            file.Write(link);
            file.Write(info);
            file.Write(1UL);
            file.Write(entry);
        }

        Section(0, 0, 0, 0, isLarge ? count : 0u, isLarge ? count - 3 : 0, hasManySegments ? (uint)segments.Length : 0, 0);
        foreach ((uint type, ulong flags) in sections)
        {
            Section(SectionName, type, flags, namesAt, 0, 0, 0, 0);
        }

        Section(NamesName, 3, 0, namesAt, (ulong)names.Length, 0, 0, 0);
        Section(SymbolsName, 2, 0, symbolsAt, largeAt - symbolsAt, count - 3, 1, SymbolBytes);
        Section(LargeName, 18, 0, largeAt, sectionsAt - largeAt, count - 2, 0, sizeof(uint));
        file.Flush();
        return stream.ToArray();
    }
}

using System.Buffers.Binary;

namespace MemProc.Interop;

/// <summary>
/// Parses <c>/proc/PID/auxv</c>: what the kernel passed to a program at its start, as pairs of native words up to a pair
/// of zeros (<c>create_elf_tables</c> in <c>fs/binfmt_elf.c</c>, types in <c>include/uapi/linux/auxvec.h</c>).
/// </summary>
public static class AuxiliaryVector
{
    /// <summary>AT_ENTRY: entry point of the program.</summary>
    public const ulong Entry = 9;

    /// <summary>Types are smaller; a larger number means that the words have another size.</summary>
    private const ulong MaxType = 0xffff;

    /// <summary>The entry types and their C names.</summary>
    public static IReadOnlyList<(string Name, ulong Type)> Names { get; } =
    [
        ("AT_EXECFD", 2), ("AT_PHDR", 3), ("AT_PHENT", 4), ("AT_PHNUM", 5), ("AT_PAGESZ", 6), ("AT_BASE", 7),
        ("AT_FLAGS", 8), ("AT_ENTRY", Entry), ("AT_NOTELF", 10), ("AT_UID", 11), ("AT_EUID", 12), ("AT_GID", 13),
        ("AT_EGID", 14), ("AT_PLATFORM", 15), ("AT_HWCAP", 16), ("AT_CLKTCK", 17), ("AT_SECURE", 23),
        ("AT_BASE_PLATFORM", 24), ("AT_RANDOM", 25), ("AT_HWCAP2", 26), ("AT_RSEQ_FEATURE_SIZE", 27),
        ("AT_RSEQ_ALIGN", 28), ("AT_HWCAP3", 29), ("AT_HWCAP4", 30), ("AT_EXECFN", 31), ("AT_SYSINFO", 32),
        ("AT_SYSINFO_EHDR", 33), ("AT_MINSIGSTKSZ", 51),
    ];

    /// <summary>Returns the C name of a type of entry; null where it has none here.</summary>
    /// <param name="type">The number of the type.</param>
    public static string? NameOf(ulong type) => Names.FirstOrDefault(known => known.Type == type).Name;

    /// <summary>Parses the file.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="wordBytes">Bytes of a pointer in the process: 8, or 4 for a 32-bit process.</param>
    public static IReadOnlyList<(ulong Type, ulong Value)> Parse(ReadOnlySpan<byte> bytes, out int wordBytes)
    {
        // Two 32-bit words read as one 64-bit type are larger than any type, unless the value is 0.
        wordBytes = sizeof(ulong);
        for (int at = 0; at + sizeof(ulong) <= bytes.Length; at += 2 * sizeof(ulong))
        {
            ulong type = Word(bytes[at..], sizeof(ulong));
            if (type == 0)
            {
                break;
            }

            if (type > MaxType)
            {
                wordBytes = sizeof(uint);
                break;
            }
        }

        List<(ulong, ulong)> entries = [];
        for (int at = 0; at + 2 * wordBytes <= bytes.Length; at += 2 * wordBytes)
        {
            ulong type = Word(bytes[at..], wordBytes);
            if (type == 0)
            {
                break;
            }

            entries.Add((type, Word(bytes[(at + wordBytes)..], wordBytes)));
        }

        return entries;
    }

    private static ulong Word(ReadOnlySpan<byte> bytes, int size) => size == sizeof(ulong)
        ? BinaryPrimitives.ReadUInt64LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
}

using System.Buffers.Binary;

namespace MemProc.Interop;

/// <summary>
/// <c>/proc/PID/auxv</c>: what the kernel told a program when it started, pairs of native words up to a pair of zeros
/// (<c>create_elf_tables</c> in <c>fs/binfmt_elf.c</c>, numbers in <c>include/uapi/linux/auxvec.h</c>).
/// </summary>
public static class AuxiliaryVector
{
    /// <summary>Where the program's headers are.</summary>
    public const ulong ProgramHeaders = 3;

    /// <summary>The entry point of the program.</summary>
    public const ulong Entry = 9;

    /// <summary>The largest number that an entry has so far; a larger one means that words are of another size.</summary>
    private const ulong LargestType = 0xffff;

    /// <summary>The entries by their names of C.</summary>
    public static IReadOnlyList<(string Name, ulong Type)> Names { get; } =
    [
        ("AT_EXECFD", 2), ("AT_PHDR", ProgramHeaders), ("AT_PHENT", 4), ("AT_PHNUM", 5), ("AT_PAGESZ", 6), ("AT_BASE", 7),
        ("AT_FLAGS", 8), ("AT_ENTRY", Entry), ("AT_NOTELF", 10), ("AT_UID", 11), ("AT_EUID", 12), ("AT_GID", 13),
        ("AT_EGID", 14), ("AT_PLATFORM", 15), ("AT_HWCAP", 16), ("AT_CLKTCK", 17), ("AT_SECURE", 23),
        ("AT_BASE_PLATFORM", 24), ("AT_RANDOM", 25), ("AT_HWCAP2", 26), ("AT_RSEQ_FEATURE_SIZE", 27),
        ("AT_RSEQ_ALIGN", 28), ("AT_HWCAP3", 29), ("AT_HWCAP4", 30), ("AT_EXECFN", 31), ("AT_SYSINFO", 32),
        ("AT_SYSINFO_EHDR", 33), ("AT_MINSIGSTKSZ", 51),
    ];

    /// <summary>Parses the file.</summary>
    /// <param name="bytes">All of it.</param>
    /// <param name="wordBytes">Bytes of a pointer in the process: 8, or 4 where it is a 32-bit one.</param>
    public static IReadOnlyList<(ulong Type, ulong Value)> Parse(ReadOnlySpan<byte> bytes, out int wordBytes)
    {
        // Two words of 32 bits in the place of a type make a number that no type has, but where the value is 0.
        wordBytes = sizeof(ulong);
        for (int at = 0; at + sizeof(ulong) <= bytes.Length; at += 2 * sizeof(ulong))
        {
            ulong type = Word(bytes[at..], sizeof(ulong));
            if (type == 0)
            {
                break;
            }

            if (type > LargestType)
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

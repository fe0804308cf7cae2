using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Makes damaged ELF files and reads everything in an ELF file. The tests and the bench share it.</summary>
internal static class ElfFuzz
{
    /// <summary>Numbers that are most likely to break a reader.</summary>
    private static readonly ulong[] Hostile =
    [
        0, 1, 2, 3, 7, 8, 0x10, 0x38, 0x40, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xfffe, 0xffff, 0x1_0000, 0xf_ffff,
        0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff,
        0x8000_0000_0000_0000, 0xffff_ffff_ffff_fff8, 0xffff_ffff_ffff_ffff,
    ];

    /// <summary>Returns a copy with one to eight faults.</summary>
    /// <param name="sample">A valid file.</param>
    /// <param name="random">Source of the faults.</param>
    public static byte[] Damage(byte[] sample, Random random)
    {
        byte[] bytes = [.. sample];
        for (int faults = random.Next(1, 9); faults > 0; faults--)
        {
            // Headers and tables are a small part of a file: half of the faults are placed there.
            int at = random.Next(2) == 0 ? Tables(sample, random) : random.Next(bytes.Length);
            at = Math.Min(at, bytes.Length - 1);
            switch (random.Next(8))
            {
                case 0 when bytes.Length > 1:
                    bytes = bytes[..random.Next(1, bytes.Length)];
                    break;
                case < 4:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    int size = 1 << random.Next(1, 4);
                    at -= at % size;
                    byte[] number = BitConverter.GetBytes(Hostile[random.Next(Hostile.Length)]);
                    number.AsSpan(0, Math.Min(size, bytes.Length - at)).CopyTo(bytes.AsSpan(at));
                    break;
            }
        }

        return bytes;
    }

    /// <summary>Reads everything that the reader supports in a file.</summary>
    /// <returns>Whether the file was valid, and the number of items found in it.</returns>
    public static (bool IsSound, long Count) ReadAll(byte[] bytes)
    {
        long count = 0;
        bool sound = Try(() =>
        {
            using ElfFile file = ElfFile.Read(new ElfBufferSource(bytes, "damaged"));
            bool all = Try(() => count += file.Header.Bits);
            all &= Try(() => count += file.Sections.Count);
            all &= Try(() => count += file.SegmentsWithSections().Sum(segment => 1 + segment.Sections.Count));
            all &= Try(() => count += file.Notes.Sum(note => note.Content.Length));
            all &= Try(() => count += file.Dynamic.Sum(entry => 1 + entry.Text?.Length ?? 0));
            foreach (ElfSymbolSource table in Enum.GetValues<ElfSymbolSource>())
            {
                all &= Try(() => count += file.Symbols(table).Sum(symbol => symbol.FullName.Length));
            }

            if (!all)
            {
                throw new MemProcException(Operation.ReadElf, Errno.ENOEXEC, "A part of it is broken.");
            }
        });
        return (sound, count);
    }

    private static bool Try(Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (MemProcException)
        {
            return false;
        }
    }

    /// <summary>Returns an offset in the header, or in one of the tables that it refers to.</summary>
    private static int Tables(byte[] sample, Random random)
    {
        const int Header = 64;
        bool is64Bit = sample[4] == 2;
        long Table(int at) => is64Bit ? BitConverter.ToInt64(sample, at) : BitConverter.ToUInt32(sample, at - (at == 32 ? 4 : 8));
        long offset = random.Next(4) switch
        {
            0 => random.Next(Header),
            1 => Table(32) + random.Next(13 * 56),
            2 => Table(40) + random.Next(30 * 64),
            _ => random.Next(Math.Min(sample.Length, 8192)),
        };
        return offset >= 0 && offset < sample.Length ? (int)offset : random.Next(sample.Length);
    }
}

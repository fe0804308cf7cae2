using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>What follows from the kernel's addresses alone. Pure: numbers in, numbers out.</summary>
internal static class KernelAddresses
{
    private const ulong Gibibyte = 1UL << 30;

    /// <summary>How far below a page table the direct map can begin: 64 TiB.</summary>
    private const ulong MaxDistance = 65536 * Gibibyte;

    /// <summary>
    /// Bits that may mark encrypted memory (SME, SEV), 0 for none first. The bit is one of the highest of physical
    /// addresses and differs between machines.
    /// </summary>
    public static IEnumerable<ulong> EncryptionBits =>
        Enumerable.Range(0, 20).Select(step => 1UL << (51 - step)).Prepend(0UL);

    /// <summary>Returns the number of levels of page tables.</summary>
    /// <param name="table">The kernel's address of a page table, which lies in the direct map.</param>
    public static int LevelsFor(ulong table)
    {
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            // With four levels the upper 17 bits of the kernel's half are set.
            return table >> 47 == 0x1ffff ? 4 : 5;
        }

        // The direct map begins with the kernel's half: as many bits are set as addresses have too few.
        return PageTableFormat.LevelsFor(64 - BitOperations.LeadingZeroCount(~table));
    }

    /// <summary>
    /// Returns the addresses at which physical address 0 may be mapped: the address without KASLR, then every GiB below a
    /// page table; on arm64 with pages of 64 KiB every 512 MiB (<c>ARM64_MEMSTART_ALIGN</c>).
    /// </summary>
    /// <param name="table">The kernel's address of a page table.</param>
    /// <param name="levels">The number of levels.</param>
    /// <param name="pageBytes">Bytes of a page.</param>
    public static IEnumerable<ulong> DirectMapCandidates(ulong table, int levels, ulong pageBytes)
    {
        ulong step = pageBytes == 65536 ? Gibibyte / 2 : Gibibyte;
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            yield return levels == 4 ? 0xffff_8880_0000_0000 : 0xff11_0000_0000_0000;
        }

        ulong highest = table & ~(step - 1);
        for (ulong distance = 0; distance < MaxDistance; distance += step)
        {
            yield return highest - distance;
        }
    }
}

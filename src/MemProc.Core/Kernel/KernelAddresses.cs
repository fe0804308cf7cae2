using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>What can be told from addresses of the kernel alone.</summary>
internal static class KernelAddresses
{
    private const ulong Gibibyte = 1UL << 30;

    /// <summary>How far below a page table the mapping of all physical memory can begin, in steps of 1 GiB: 64 TiB.</summary>
    private const int MostSteps = 65536;

    /// <summary>Bits that mark encrypted memory, none first: the highest of physical addresses, one on each machine.</summary>
    public static IEnumerable<ulong> EncryptionBits =>
        Enumerable.Range(0, 20).Select(step => 1UL << (51 - step)).Prepend(0UL);

    /// <summary>How many levels page tables have, by the address of one.</summary>
    /// <param name="table">The kernel's address of a page table: it lies where all physical memory is mapped.</param>
    public static int LevelsFor(ulong table)
    {
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            // With four levels the kernel's half begins with 17 bits that are set.
            return table >> 47 == 0x1ffff ? 4 : 5;
        }

        // That mapping begins where the kernel's half does: as many bits are set as addresses lack.
        int addressBits = 64 - BitOperations.LeadingZeroCount(~table);
        int pageShift = BitOperations.Log2(MachinePage.SizeBytes);
        int indexBits = pageShift - 3;
        return (addressBits - pageShift + indexBits - 1) / indexBits;
    }

    /// <summary>Where physical address 0 may be mapped: the places without randomization, then all below a page table.</summary>
    /// <param name="table">The kernel's address of a page table.</param>
    /// <param name="levels">How many levels there are.</param>
    public static IEnumerable<ulong> DirectMapCandidates(ulong table, int levels)
    {
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            yield return levels == 4 ? 0xffff_8880_0000_0000 : 0xff11_0000_0000_0000;
        }

        ulong highest = table & ~(Gibibyte - 1);
        for (ulong step = 0; step < MostSteps; step++)
        {
            yield return highest - step * Gibibyte;
        }
    }
}

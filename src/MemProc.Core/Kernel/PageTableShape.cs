using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>Where an address stands in the tables of this machine's page table: numbers alone, nothing is read.</summary>
internal static class PageTableShape
{
    private static readonly Lazy<PageTableFormat> Format = new(() => PageTableFormat.Native(Levels(), encryption: 0));

    /// <summary>The index in the table of a level; null where the machine does not have that level.</summary>
    public static int? IndexOf(ulong address, PageTableLevel level)
    {
        PageTableFormat format = Format.Value;
        int number = level == PageTableLevel.PGD ? format.Levels : (int)level;
        return number <= format.Levels && format.NameOf(number) == level ? format.IndexOf(address, number) : null;
    }

    /// <summary>
    /// How many levels there are. A kernel that runs with four on a processor that knows five takes the flag of the
    /// fifth away; elsewhere the highest address tells.
    /// </summary>
    private static int Levels()
    {
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            string? flags = File.ReadLines($"{KernelFiles.Default.Proc}/cpuinfo")
                .FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal));
            return flags?.Split(' ').Contains("la57") == true ? 5 : 4;
        }

        int pageShift = BitOperations.Log2(MachinePage.SizeBytes);
        int bits = UserSpace.End(KernelFiles.Default) is ulong end and > 0 ? 64 - BitOperations.LeadingZeroCount(end - 1) : 48;
        return (bits - pageShift + pageShift - 4) / (pageShift - 3);
    }
}

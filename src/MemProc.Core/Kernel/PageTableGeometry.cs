using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>Indexes of addresses in the page tables of this machine. Pure arithmetic: no table is read.</summary>
internal sealed class PageTableGeometry
{
    private static readonly ConcurrentDictionary<KernelFiles, PageTableGeometry> Known = new();

    private readonly Lazy<PageTableFormat> _format;

    private PageTableGeometry(KernelFiles files) =>
        _format = new Lazy<PageTableFormat>(() => PageTableFormat.Native(Levels(files), encryption: 0));

    /// <summary>Returns the geometry of the machine. The number of levels is read once, when it is first needed.</summary>
    /// <param name="files">Where procfs is mounted.</param>
    public static PageTableGeometry Of(KernelFiles files) =>
        Known.GetOrAdd(files, known => new PageTableGeometry(known));

    /// <summary>Returns the index in the table of a level; null if the machine does not have that level.</summary>
    public int? IndexOf(ulong address, PageTableLevel level)
    {
        PageTableFormat format = _format.Value;
        int number = level == PageTableLevel.PGD ? format.Levels : (int)level;
        return number <= format.Levels && format.NameOf(number) == level ? format.IndexOf(address, number) : null;
    }

    /// <summary>
    /// Returns the number of levels. On x86 the kernel removes the flag la57 where it runs with four levels on a processor
    /// that supports five; on arm64 the end of user space shows the number.
    /// </summary>
    private static int Levels(KernelFiles files)
    {
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            string cpuInfo = $"{files.Proc}/cpuinfo";
            string? flags = !File.Exists(cpuInfo) ? null
                : File.ReadLines(cpuInfo).FirstOrDefault(line => line.StartsWith("flags", StringComparison.Ordinal));
            return flags?.Split(' ').Contains("la57") == true ? 5 : 4;
        }

        ulong end = UserSpace.End(files);
        return PageTableFormat.LevelsFor(end == 0 ? 48 : 64 - BitOperations.LeadingZeroCount(end - 1));
    }
}

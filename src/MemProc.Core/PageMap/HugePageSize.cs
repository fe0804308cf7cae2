using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>How large the huge pages of a mapping are.</summary>
internal static class HugePageSize
{
    /// <summary>
    /// The size in bytes, asked for when it is wanted: a hugetlb mapping's own (PROCMAP_QUERY, Linux 6.11), for any
    /// other that of transparent huge pages; null where the kernel does not tell.
    /// </summary>
    public static Lazy<ulong?> Of(LinuxProcess process, ProcMap map) => new(() =>
        ProcMapQuery.TryQuery(process.Maps, map.Start, orNext: false, out ProcMapQueryArgument answer, out _)
            == Errno.None && answer.VmaPageSize > MachinePage.SizeBytes
        ? answer.VmaPageSize
        : map.Kind == ProcMapKind.HugePages ? null : Transparent(process.Files));

    private static ulong? Transparent(KernelFiles files)
    {
        string path = $"{files.Sys}/kernel/mm/transparent_hugepage/hpage_pmd_size";
        return File.Exists(path)
            && ulong.TryParse(File.ReadAllText(path), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture,
                out ulong size)
            ? size
            : null;
    }
}

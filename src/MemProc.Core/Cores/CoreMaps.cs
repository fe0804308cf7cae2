using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Writes the list of mappings of a core that does not have it, in the form of <c>/proc/PID/maps</c>: from the program
/// headers, the mapped files and the auxiliary vector. What a core does not have is missing: names of anonymous memory,
/// devices and inodes, and whether a mapping is shared.
/// </summary>
internal static class CoreMaps
{
    private const ulong Vsyscall = 0xffffffffff600000;
    private const ulong RandomBytes = 25;
    private const ulong VdsoHeader = 33;

    /// <summary>Returns the list.</summary>
    public static byte[] Write(IReadOnlyList<ElfSegment> segments, CoreContents contents, CoreBacking backing)
    {
        IReadOnlyList<(ulong Type, ulong Value)> auxiliary = AuxiliaryVector.Parse(contents.Auxiliary, out _);
        ulong? vdso = ValueOf(VdsoHeader), random = ValueOf(RandomBytes);
        using MemoryStream text = new();
        foreach ((ulong start, ulong end, string? permissions, CoreMappedFile? file) in Parts(segments, contents.Files))
        {
            byte[] path = file?.Path
                ?? Encoding.ASCII.GetBytes(start == Vsyscall ? "[vsyscall]"
                    : vdso is ulong code && start <= code && code < end ? "[vdso]"
                    : random is ulong bytes && start <= bytes && bytes < end ? "[stack]"
                    : string.Empty);
            ulong offset = file is null ? 0 : file.Offset + (start - file.Start);
            text.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
                $"{start:x}-{end:x} {permissions ?? backing.PermissionsAt(file!, offset)}p {offset:x8} 00:00 0 ")));
            text.Write(Escape(path));
            text.WriteByte((byte)'\n');
        }

        return text.ToArray();

        ulong? ValueOf(ulong type) =>
            auxiliary.FirstOrDefault(entry => entry.Type == type) is { Type: > 0 } entry ? entry.Value : null;
    }

    /// <summary>
    /// Returns the mappings in address order. gcore leaves out mappings whose content is in their files, and the kernel
    /// lists each mapping.
    /// </summary>
    private static IEnumerable<(ulong Start, ulong End, string? Permissions, CoreMappedFile? File)> Parts(
        IReadOnlyList<ElfSegment> segments, CoreMappedFile[] files)
    {
        ElfSegment[] loads = [.. segments
            .Where(segment => segment.Type == ElfSegmentType.Load && EndOf(segment) > segment.VirtualAddress)
            .OrderBy(segment => segment.VirtualAddress)];
        int load = 0, file = 0;
        for (ulong at = 0; load < loads.Length || file < files.Length;)
        {
            // The next addresses at which a mapping begins or ends. What overlaps is cut.
            ElfSegment? segment = load < loads.Length ? loads[load] : null;
            CoreMappedFile? mapped = file < files.Length ? files[file] : null;
            if (segment is not null && EndOf(segment) <= at)
            {
                load++;
                continue;
            }

            if (mapped is not null && mapped.End <= at)
            {
                file++;
                continue;
            }

            ulong segmentStart = segment is null ? ulong.MaxValue : Math.Max(segment.VirtualAddress, at);
            ulong fileStart = mapped is null ? ulong.MaxValue : Math.Max(mapped.Start, at);
            ulong start = Math.Min(segmentStart, fileStart);
            bool isInSegment = segmentStart == start && segment is not null, isInFile = fileStart == start && mapped is not null;
            ulong end = Math.Min(
                isInSegment ? EndOf(segment!) : segmentStart, isInFile ? mapped!.End : fileStart);
            yield return (start, end, isInSegment ? segment!.Permissions : null, isInFile ? mapped : null);
            at = end;
        }
    }

    private static ulong EndOf(ElfSegment segment) => segment.VirtualAddress
        + Math.Min(Math.Max(segment.MemoryBytes, segment.FileBytes), ulong.MaxValue - segment.VirtualAddress);

    /// <summary>Escapes newlines as the kernel does.</summary>
    private static byte[] Escape(byte[] path) => path.Contains((byte)'\n')
        ? PathText.Encode(PathText.Decode(path).Replace("\n", "\\012", StringComparison.Ordinal))
        : path;
}

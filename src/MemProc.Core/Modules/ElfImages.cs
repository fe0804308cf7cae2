using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>The ELF images that a process has mapped: where each is read from, and where it was loaded.</summary>
public static class ElfImages
{
    /// <summary>The mappings of the file, or of the kernel's shared object, that a mapping shows a part of.</summary>
    /// <param name="map">The mapping.</param>
    /// <param name="all">All mappings of its process.</param>
    /// <returns>They, in address order; none where the mapping shows neither.</returns>
    public static ProcMap[] Of(ProcMap map, IEnumerable<ProcMap> all) => CanHold(map)
        ? [.. all.Where(other => other.Inode == map.Inode && other.Device == map.Device
            && (map.Inode != 0 || other.Path == map.Path))]
        : [];

    /// <summary>Whether a mapping can show a part of an ELF image. Devices are never read to find out.</summary>
    public static bool CanHold(ProcMap map) => map.Kind == ProcMapKind.Vdso
        || (map.Kind is ProcMapKind.File or ProcMapKind.SharedMemory && map.Inode != 0);

    /// <summary>
    /// Opens the file that is mapped, whatever has that name by now and whichever namespace the process is in: by its
    /// path where that still leads to the mapped inode, else by <c>map_files</c> (CAP_SYS_ADMIN or
    /// CAP_CHECKPOINT_RESTORE), else what memory holds of it.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="maps">The mappings of one file: <see cref="Of"/>.</param>
    /// <param name="cancellation">Stops reads of memory.</param>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it is no ELF file; ReadMemory.</exception>
    public static ElfFile Open(
        LinuxProcess process, IReadOnlyList<ProcMap> maps, CancellationToken cancellation = default)
    {
        SafeFileHandle? file = maps[0].Kind == ProcMapKind.Vdso
            ? null
            : ByPath(process, maps[0]) ?? ByMapping(process, maps[0]);
        return ElfFile.Read(file is null
            ? new ElfMemoryImage(process, maps, cancellation)
            : new ElfDiskFile(file, maps[0].Path));
    }

    /// <summary>
    /// What has to be added to an address of the image to get the one in the process. A file can be loaded several
    /// times, and be mapped as plain data, too: what fits most of its segments is taken.
    /// </summary>
    /// <param name="image">The image.</param>
    /// <param name="maps">The mappings of its file: <see cref="Of"/>.</param>
    /// <param name="map">The one of them that is meant.</param>
    /// <returns>The sum is to be taken modulo 2^64. Null where the mapping is no part of a loaded image.</returns>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: the program headers are broken.</exception>
    public static ulong? LoadBias(ElfFile image, IReadOnlyList<ProcMap> maps, ProcMap map)
    {
        ElfSegment[] loaded =
            [.. image.Segments.Where(segment => segment.Type == ElfSegmentType.Load && segment.FileBytes > 0)];
        ulong? best = null;
        int most = 0;
        foreach (ElfSegment segment in loaded)
        {
            ulong bias = unchecked(map.Start - map.Offset + segment.Offset - segment.VirtualAddress);
            int fitting = Shows(map, segment, bias) ? loaded.Count(other => IsAt(other, maps, bias)) : 0;
            if (fitting > most)
            {
                (best, most) = (bias, fitting);
            }
        }

        return best;
    }

    /// <summary>The biases of all places where the image is loaded whole, in address order.</summary>
    /// <inheritdoc cref="LoadBias"/>
    public static ulong[] LoadBiases(ElfFile image, IReadOnlyList<ProcMap> maps)
    {
        int segments = image.Segments.Count(segment => segment.Type == ElfSegmentType.Load && segment.FileBytes > 0);
        return segments == 0 ? [] : [.. maps.Select(map => LoadBias(image, maps, map)).OfType<ulong>().Distinct()
            .Where(bias => image.Segments.Count(segment => segment.Type == ElfSegmentType.Load
                && segment.FileBytes > 0 && IsAt(segment, maps, bias)) == segments)];
    }

    /// <summary>Whether a mapping shows a part of a segment, by the bias that was worked out from both.</summary>
    private static bool Shows(ProcMap map, ElfSegment segment, ulong bias)
    {
        ulong address = unchecked(segment.VirtualAddress + bias);
        return map.Start < unchecked(address + segment.FileBytes) && address < map.End;
    }

    /// <summary>Whether one of the mappings shows the first byte of a segment where a bias puts it.</summary>
    private static bool IsAt(ElfSegment segment, IReadOnlyList<ProcMap> maps, ulong bias)
    {
        ulong address = unchecked(segment.VirtualAddress + bias);
        // The permissions of data change when the dynamic linker is done; what is code stays code.
        bool isCode = segment.Permissions.EndsWith('x');
        foreach (ProcMap map in maps)
        {
            if (map.Start <= address && address < map.End && address - map.Start + map.Offset == segment.Offset
                && (!isCode || map.IsExecutable))
            {
                return true;
            }
        }

        return false;
    }

    private static SafeFileHandle? ByPath(LinuxProcess process, ProcMap map)
    {
        if (map.IsDeleted || !map.Path.StartsWith('/')
            || Libc.TryOpenAt(process.Folder, $"root{map.Path}", OpenAccess.ReadWithoutWaiting,
                out SafeFileHandle? file) != Errno.None)
        {
            return null;
        }

        // The device is not compared: file systems such as btrfs tell another one here than in the list of mappings.
        if (Libc.TryStatX(file!, out FileStatus status) == Errno.None && status.Inode == map.Inode && status.IsRegular)
        {
            return file;
        }

        file!.Dispose();
        return null;
    }

    private static SafeFileHandle? ByMapping(LinuxProcess process, ProcMap map) =>
        Libc.TryOpenAt(process.Folder, $"map_files/{map.Start:x}-{map.End:x}", OpenAccess.ReadWithoutWaiting,
            out SafeFileHandle? file) == Errno.None ? file : null;
}

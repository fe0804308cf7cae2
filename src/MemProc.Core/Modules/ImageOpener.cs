using MemProc.Interop;

namespace MemProc;

/// <summary>Opens the ELF image of a file that a process has mapped, whatever has its path now.</summary>
/// <param name="target">The process or core.</param>
/// <param name="maps">The mappings of the file, in address order.</param>
/// <param name="cancellation">Stops reads.</param>
internal abstract class ImageOpener(MemoryTarget target, ProcMap[] maps, CancellationToken cancellation)
{
    /// <summary>Selects the opener of a target.</summary>
    public static ImageOpener Of(MemoryTarget target, ProcMap[] maps, CancellationToken cancellation) => target is CoreFile core
        ? new CoreImageOpener(core, maps, cancellation)
        : new LiveImageOpener((LinuxProcess)target, maps, cancellation);

    /// <summary>Opens the image.</summary>
    /// <param name="incomplete">Why only a part of the image is there; null where nothing is known to be missing.</param>
    /// <exception cref="MemProcException">ReadElf: it is not an ELF file, or cannot be read.</exception>
    public abstract ElfFile Open(out MemProcException? incomplete);

    /// <summary>Whether another file has the path now, as far as that can be found out.</summary>
    public abstract bool IsReplaced();

    protected string Path => maps[0].Path;

    protected ProcMap First => maps[0];

    protected bool HasCode => Array.Exists(maps, map => map.IsExecutable);

    protected CancellationToken Cancellation => cancellation;

    /// <summary>The image as the memory has it, which seldom includes sections and symbols.</summary>
    protected ElfFile ReadMemory() => ElfFile.Read(new ElfMemoryImage(target, maps, cancellation));

    protected ElfFile ReadFile(CheckedFile file) => ElfFile.Read(new ElfFileSource(file, Path, cancellation));
}

/// <summary>Opens the file on this machine where it is that of the core; else what the core holds of the image.</summary>
internal sealed class CoreImageOpener(CoreFile core, ProcMap[] maps, CancellationToken cancellation)
    : ImageOpener(core, maps, cancellation)
{
    /// <inheritdoc/>
    public override ElfFile Open(out MemProcException? incomplete)
    {
        string? refusal = null;
        ElfFileSource? file = First.Kind == ProcMapKind.Vdso ? null : core.Backing.TryOpen(Path, Cancellation, out refusal);
        if (refusal is not null && First.Offset == 0 && !core.Memory.Has(First.Start) && HasCode)
        {
            // It is code, but the kernel can have been told to leave the headers of ELF files out.
            throw core.Failure(Operation.ReadElf, Errno.ENODATA,
                $"{SafeText.Escape(Path)} is not used, and the core does not have its ELF header: {refusal}", Path);
        }

        ElfFile image = file is null ? ReadMemory() : ElfFile.Read(file);
        incomplete = refusal is null || image.Sections.Count > 0 ? null : core.Failure(Operation.ReadElf, Errno.ENODATA,
            $"{SafeText.Escape(Path)} is not used, and the core has only a part of it: {refusal}", Path);
        return image;
    }

    /// <inheritdoc/>
    public override bool IsReplaced() => core.Backing.IsReplaced(Path);
}

/// <summary>Opens the file that a live process has mapped.</summary>
internal sealed class LiveImageOpener(LinuxProcess process, ProcMap[] maps, CancellationToken cancellation)
    : ImageOpener(process, maps, cancellation)
{
    /// <inheritdoc/>
    public override ElfFile Open(out MemProcException? incomplete)
    {
        incomplete = null;
        CheckedFile? file = First.Kind == ProcMapKind.Vdso ? null : OpenByMapping() ?? OpenByPath();
        return file is null ? ReadMemory() : ReadFile(file);
    }

    /// <inheritdoc/>
    public override bool IsReplaced()
    {
        TargetFiles files = process.NamedFiles;
        if (First.Inode == 0 || files.FromMaps(Path) is not string path
            || files.TryStat(path, Cancellation, out FileStatus status) != Errno.None || !status.IsRegular
            || First.IsOf(status))
        {
            return false;
        }

        // File systems such as btrfs and overlayfs can report another device or inode in statx than in the list of
        // mappings. The file of the mapping itself decides; without the right to it, the build id.
        if (files.TryStatMapping(First.Start, First.End, Cancellation, out FileStatus mapped) == Errno.None)
        {
            return !mapped.IsSameFileAs(status);
        }

        try
        {
            if (files.TryOpen(path, Cancellation, out CheckedFile? file) is not null)
            {
                return true;
            }

            using ElfFile other = ReadFile(file!);
            return !HasBuildIdInMemory(other);
        }
        catch (MemProcException error)
        {
            process.ThrowIfExited(error.Operation);
            return true;
        }
    }

    /// <summary>
    /// Opens the file that the mapping shows, whatever has its path; null without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE,
    /// and where the mapping has changed since the list was read.
    /// </summary>
    /// <exception cref="MemProcException">
    /// ReadElf, EINVAL: it is not a regular file, or its file system stores no files. The memory is not read instead: it
    /// can be that of a device, where a read has effects.
    /// </exception>
    private CheckedFile? OpenByMapping()
    {
        FileRefusal? refusal = process.NamedFiles.TryOpenMapping(First.Start, First.End, Cancellation, out CheckedFile? file);
        if (refusal is { IsOtherKind: true } kind)
        {
            throw Refused(kind);
        }

        // Some file systems report another device or inode in statx than in the list of mappings.
        if (file is null || First.IsOf(file.Status) || IsUnchanged())
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>
    /// Opens the file by its path; null where the path leads to another file, or that cannot be excluded. An inode number
    /// alone does not identify a file: another device can have the same one.
    /// </summary>
    /// <exception cref="MemProcException">ReadElf, EINVAL: as for a mapping.</exception>
    private CheckedFile? OpenByPath()
    {
        TargetFiles files = process.NamedFiles;
        if (First.IsDeleted || files.FromMaps(Path) is not string path)
        {
            return null;
        }

        if (files.TryOpen(path, Cancellation, out CheckedFile? file) is FileRefusal refusal)
        {
            return refusal.IsOtherKind && IsAt(path) ? throw Refused(refusal) : null;
        }

        // While the mapping exists, and while the file is open here, no other file gets the inode.
        if ((First.IsOf(file!.Status) || IsOfMount(file)) && IsUnchanged())
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>
    /// Whether a file is the mapped one in a file system that reports another device in statx than in the list of
    /// mappings. The mount has that device. Where it numbers inodes several times, as btrfs does in each subvolume, the
    /// build id in memory decides.
    /// </summary>
    private bool IsOfMount(CheckedFile file)
    {
        if (First.Inode != file.Status.Inode || !First.IsOn(process.NamedFiles.MountDeviceOf(file)))
        {
            return false;
        }

        try
        {
            // Not disposed: the file stays open.
            return HasBuildIdInMemory(ReadFile(file));
        }
        catch (MemProcException)
        {
            return false;
        }
    }

    private bool HasBuildIdInMemory(ElfFile file)
    {
        using ElfFile image = ReadMemory();
        return file.BuildId is string id && id == image.BuildId;
    }

    /// <summary>Whether a path leads to what the mapping shows, by device and inode.</summary>
    private bool IsAt(string path) =>
        process.NamedFiles.TryStat(path, Cancellation, out FileStatus status) == Errno.None && First.IsOf(status);

    /// <summary>Whether the process still has the mapping, of the same file.</summary>
    private bool IsUnchanged() =>
        MapReader.Find(process, First.Start, Cancellation) is ProcMap current && current.ShowsSameAs(First);

    private MemProcException Refused(FileRefusal refusal) => new(Operation.ReadElf, refusal.Errno,
        $"Process {process.Identity}: {SafeText.Escape(Path)} {refusal}.", Path);
}

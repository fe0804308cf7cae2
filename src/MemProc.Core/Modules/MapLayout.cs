namespace MemProc;

/// <summary>
/// Explains mappings by the ELF images of a process and by the stack pointers of its threads. Each file, and the stack
/// pointers, are read once, and only when a mapping asks for them.
/// </summary>
/// <param name="images">The mappings of the process and the files that they show.</param>
internal sealed class MapLayout(MappedImages images)
{
    private readonly ThreadStacks _stacks = new(images.Process);
    private readonly Lazy<MappedFile?> _program = new(() => FindProgram(images));
    private readonly Dictionary<MappedFile, (string? BuildId, MappedImage[] Images)> _files = [];

    /// <summary>What is known of a mapping; what is not known is null.</summary>
    /// <exception cref="MemProcException">ESRCH: the process exits meanwhile.</exception>
    public MapOrigin Explain(ProcMap map)
    {
        int index = images.IndexOf(map.Start);
        MappedFile? file = FileOf(map, index);
        MappedFile? explaining = file ?? FileBefore(map, index);
        ElfSegment? segment = explaining is null ? null
            : Read(explaining).Images.Select(image => image.SegmentOf(map)).FirstOrDefault(segment => segment is not null);
        return new MapOrigin(
            file is null ? null : Read(file).BuildId,
            segment is null ? null : $"{segment.TypeName} #{segment.Index} {segment.Permissions}",
            RoleOf(map, segment is not null && explaining == _program.Value),
            _stacks.ThreadOf(map));
    }

    private static ProcMapRole? RoleOf(ProcMap map, bool isOfProgram) => map.Kind switch
    {
        ProcMapKind.Heap => ProcMapRole.Heap,
        ProcMapKind.Stack => ProcMapRole.Stack,
        _ when !isOfProgram => null,
        _ when map.IsExecutable => ProcMapRole.Text,
        _ when !map.IsWritable => ProcMapRole.ReadOnlyData,
        _ => map.CanContainElf ? ProcMapRole.Data : ProcMapRole.Bss,
    };

    /// <summary>
    /// The file that a mapping shows; null where the list of mappings has something else there by now.
    /// </summary>
    private MappedFile? FileOf(ProcMap map, int index) =>
        index >= 0 && images.Maps[index].ShowsSameAs(map) ? images.FileOf(index) : null;

    /// <summary>The last file before an anonymous mapping: its zeros can continue there.</summary>
    private MappedFile? FileBefore(ProcMap map, int index) =>
        map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous && index > 0
            && images.Maps[index].Start == map.Start
            ? images.FileBefore(index)
            : null;

    /// <summary>
    /// Build id of a file and the places where it is loaded. The file is closed again: a process can map more files than
    /// this one may have open.
    /// </summary>
    private (string? BuildId, MappedImage[] Images) Read(MappedFile file)
    {
        if (!_files.TryGetValue(file, out (string? BuildId, MappedImage[] Images) known))
        {
            try
            {
                _files[file] = known = (file.BuildId, [.. file.Images.Where(image => image.IsLoaded)]);
            }
            finally
            {
                file.Close();
            }
        }

        return known;
    }

    private static MappedFile? FindProgram(MappedImages images)
    {
        try
        {
            return images.Main;
        }
        catch (MemProcException error)
        {
            // Without the auxiliary vector the main program is not known.
            images.Process.ThrowIfExited(error.Operation);
            return null;
        }
    }
}

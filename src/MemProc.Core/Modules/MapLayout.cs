using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The layout of a process as its ELF images explain it. The list of mappings, the threads' stack pointers and each
/// file are read once, and only when a mapping asks for them.
/// </summary>
internal sealed class MapLayout
{
    private readonly LinuxProcess _process;
    private readonly CancellationToken _cancellation;
    private readonly Lazy<ProcMap[]> _maps;
    private readonly Lazy<Dictionary<ulong, ProcMap>> _byEnd;
    private readonly Lazy<List<(int Thread, ulong StackPointer)>> _stacks;
    private readonly Lazy<Image?> _program;
    private readonly Dictionary<(string Device, ulong Inode, string Path), Image?> _images = [];

    /// <summary>Prepares to explain the mappings of a process.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the reading.</param>
    public MapLayout(LinuxProcess process, CancellationToken cancellation)
    {
        _process = process;
        _cancellation = cancellation;
        _maps = new(() => [.. MapReader.Read(process, cancellation)]);
        _byEnd = new(() => _maps.Value.ToDictionary(map => map.End));
        _stacks = new(() => ThreadStacks.Read(process));
        _program = new(() => AuxiliaryVectorReader.Find(process, AuxiliaryVector.ProgramHeaders) is ulong headers
            && Array.Find(_maps.Value, map => map.Start <= headers && headers < map.End) is ProcMap map
                ? ImageOf(map)
                : null);
    }

    /// <summary>What is known of a mapping; what cannot be told is null.</summary>
    /// <exception cref="MemProcException">ReadMaps: the process ends meanwhile.</exception>
    public MapOrigin Explain(ProcMap map)
    {
        Image? image = ImageOf(map) ?? ImageBefore(map);
        ElfSegment? segment = image?.SegmentOf(map);
        return new MapOrigin(
            ImageOf(map)?.BuildId,
            segment is null ? null : $"{segment.TypeName} #{segment.Index} {segment.Permissions}",
            RoleOf(map, image, segment),
            ThreadOf(map));
    }

    private ProcMapRole? RoleOf(ProcMap map, Image? image, ElfSegment? segment) => map.Kind switch
    {
        ProcMapKind.Heap => ProcMapRole.Heap,
        ProcMapKind.Stack => ProcMapRole.Stack,
        _ when segment is null || image != _program.Value => null,
        _ when map.IsExecutable => ProcMapRole.Text,
        _ when !map.IsWritable => ProcMapRole.ReadOnlyData,
        _ => ElfImages.CanHold(map) ? ProcMapRole.Data : ProcMapRole.Bss,
    };

    /// <summary>The thread whose stack pointer is in a mapping; null where none is, or several are.</summary>
    private int? ThreadOf(ProcMap map)
    {
        if (!map.IsWritable || ElfImages.CanHold(map))
        {
            return null;
        }

        int? found = null;
        foreach ((int thread, ulong pointer) in _stacks.Value)
        {
            if (map.Start <= pointer && pointer < map.End)
            {
                if (found is not null)
                {
                    return null;
                }

                found = thread;
            }
        }

        return found;
    }

    /// <summary>The image that zeros belong to: the one that ends where they begin.</summary>
    private Image? ImageBefore(ProcMap map) =>
        map.Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous
            && _byEnd.Value.TryGetValue(map.Start, out ProcMap? before) ? ImageOf(before) : null;

    private Image? ImageOf(ProcMap map)
    {
        if (!ElfImages.CanHold(map))
        {
            return null;
        }

        (string, ulong, string) key = (map.Device, map.Inode, map.Inode == 0 ? map.Path : string.Empty);
        if (!_images.TryGetValue(key, out Image? image))
        {
            image = Image.Read(_process, ElfImages.Of(map, _maps.Value), _cancellation);
            _images.Add(key, image);
        }

        return image;
    }

    /// <summary>What has to be known of an image; the file itself is closed again.</summary>
    private sealed record Image(string? BuildId, IReadOnlyList<ElfSegment> Segments, ulong[] Biases)
    {
        public static Image? Read(LinuxProcess process, ProcMap[] maps, CancellationToken cancellation)
        {
            if (maps.Length == 0)
            {
                return null;
            }

            try
            {
                using ElfFile file = ElfImages.Open(process, maps, cancellation);
                return new Image(file.BuildId, file.Segments, ElfImages.LoadBiases(file, maps));
            }
            catch (MemProcException)
            {
                // No ELF file, a broken one, or one that this user cannot read.
                return null;
            }
        }

        /// <summary>
        /// The segment that a mapping was made for; of two that share a page, the one with its permissions.
        /// </summary>
        public ElfSegment? SegmentOf(ProcMap map)
        {
            ulong page = (ulong)Environment.SystemPageSize;
            foreach (ulong bias in Biases)
            {
                ElfSegment[] fitting = [.. Segments.Where(segment => segment.Type == ElfSegmentType.Load
                    && segment.MemoryBytes > 0 && Overlaps(segment, bias, map, page))];
                if (fitting.Length > 0)
                {
                    return Array.Find(fitting, segment => segment.Permissions == map.Permissions[..3])
                        ?? Array.Find(fitting, segment => segment.Permissions[2] == map.Permissions[2]) ?? fitting[0];
                }
            }

            return null;
        }

        private static bool Overlaps(ElfSegment segment, ulong bias, ProcMap map, ulong page)
        {
            ulong start = unchecked(segment.VirtualAddress + bias);
            ulong end = unchecked(start + segment.MemoryBytes + page - 1) & ~(page - 1);
            return map.Start >= (start & ~(page - 1)) && map.Start < end;
        }
    }
}

using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The mappings of a process and the files that they show. The list of mappings is read once, and each file is opened
/// once, when it is first needed; both stay until <see cref="Refresh"/> or until this is disposed.
/// </summary>
public sealed class MappedImages : IDisposable
{
    private readonly CancellationToken _cancellation;
    private readonly Lazy<IReadOnlyList<(ulong Type, ulong Value)>> _auxiliary;
    private ProcMap[] _maps = [];
    private ulong[] _starts = [];
    private MappedFile?[] _fileOfMap = [];

    /// <summary>Index of the last mapping of a file before each mapping; -1 where there is none.</summary>
    private int[] _lastFileMap = [];
    private MappedFile[] _files = [];
    private ILookup<string, ProcMap>? _mapsByPath;
    private ILookup<string, MappedFile>? _filesByName;
    private ILookup<string, MappedFile>? _filesByPath;

    /// <summary>Reads the list of mappings.</summary>
    /// <param name="process">The process. It has to stay open as long as this is used.</param>
    /// <param name="cancellation">Stops reads.</param>
    /// <exception cref="MemProcException">ReadMaps: the mappings cannot be read.</exception>
    public MappedImages(MemoryTarget process, CancellationToken cancellation = default)
    {
        Process = process;
        _cancellation = cancellation;
        _auxiliary = new Lazy<IReadOnlyList<(ulong Type, ulong Value)>>(
            () => AuxiliaryVectorReader.Read(process, out _));
        SetMaps([.. MapReader.Read(process, cancellation)]);
    }

    /// <summary>The process.</summary>
    public MemoryTarget Process { get; }

    /// <summary>All mappings, in address order.</summary>
    public IReadOnlyList<ProcMap> Maps => _maps;

    /// <summary>The mapped files, in the order of their first addresses.</summary>
    public IReadOnlyList<MappedFile> Files => _files;

    /// <summary>
    /// The main program: the file mapped at AT_ENTRY of the auxiliary vector; without that entry the first executable
    /// file. Null where there is neither.
    /// </summary>
    /// <exception cref="MemProcException">ReadAuxiliaryVector: the vector cannot be read.</exception>
    public MappedFile? Main =>
        Auxiliary.FirstOrDefault(entry => entry.Type == AuxiliaryVector.Entry) is { Type: > 0 } entry
        && FileAt(entry.Value) is MappedFile file
            ? file
            : Array.Find(_files, file => file.Maps.Any(map => map.IsExecutable && map.Kind == ProcMapKind.File));

    /// <summary>The auxiliary vector: types and values.</summary>
    /// <exception cref="MemProcException">ReadAuxiliaryVector: it cannot be read.</exception>
    public IReadOnlyList<(ulong Type, ulong Value)> Auxiliary => _auxiliary.Value;

    /// <summary>The files with a name, or with a path where the name has a slash.</summary>
    public IEnumerable<MappedFile> Named(string name) => name.Contains('/')
        ? (_filesByPath ??= _files.ToLookup(file => file.Path))[name]
        : (_filesByName ??= _files.ToLookup(file => file.Name))[name];

    /// <summary>The file that is mapped at an address; null where no file is.</summary>
    public MappedFile? FileAt(ulong address) => IndexOf(address) is int index and >= 0 ? _fileOfMap[index] : null;

    /// <summary>
    /// The ELF images that are loaded, file by file. A file that is loaded several times comes several times. ELF files
    /// that are mapped as data come only where a path was asked for. Each file is closed when the next one is asked for.
    /// </summary>
    /// <param name="path">Decides by the path of a mapping; null: every path.</param>
    /// <param name="report">Called with the reason why an image, or a part of it, cannot be read.</param>
    public IEnumerable<MappedImage> Loaded(Func<string, bool>? path, Action<MemProcException> report)
    {
        foreach (MappedFile file in _files.Where(file => path is null || file.Maps.Any(map => path(map.Path))))
        {
            _cancellation.ThrowIfCancellationRequested();
            try
            {
                IReadOnlyList<MappedImage> images = file.Images;
                if (file.LoadError is MemProcException error)
                {
                    report(error);
                }

                foreach (MappedImage image in file.Elf is null ? [] : images)
                {
                    if (image.IsLoaded || path is not null)
                    {
                        yield return image;
                    }
                }
            }
            finally
            {
                file.Close();
            }
        }
    }

    /// <summary>The ELF image that is mapped at an address, loaded or as data.</summary>
    /// <exception cref="MemProcException">
    /// FindMap, ENOENT: nothing is mapped at the address. ReadElf: ENOEXEC where no ELF file is mapped there.
    /// </exception>
    public MappedImage ImageAt(ulong address)
    {
        int index = IndexOf(address);
        if (index < 0)
        {
            throw MapReader.NotMapped(Process, address);
        }

        if (ImageOfZeros(index, address) is MappedImage image)
        {
            image.File.RequireElf();
            return image;
        }

        MappedFile file = _fileOfMap[index] ?? throw new MemProcException(Operation.ReadElf, Errno.ENOEXEC,
            $"Process {Process.Identity}: the mapping at 0x{address:x} shows no file.", address);
        file.RequireElf();
        return file.ImageOf(_maps[index]);
    }

    /// <summary>Index in <see cref="Maps"/> of the mapping that holds an address; -1 where none does.</summary>
    internal int IndexOf(ulong address)
    {
        int index = Array.BinarySearch(_starts, address);
        index = index >= 0 ? index : ~index - 1;
        return index >= 0 && address < _maps[index].End ? index : -1;
    }

    /// <summary>The mappings with a path, or with a name that the kernel gave them: <c>[heap]</c>.</summary>
    internal IEnumerable<ProcMap> MapsNamed(string path) => (_mapsByPath ??= _maps.ToLookup(map => map.Path))[path];

    /// <summary>The file that one of <see cref="Maps"/> shows; null where it shows none.</summary>
    internal MappedFile? FileOf(int index) => _fileOfMap[index];

    /// <summary>The last file that is mapped before one of <see cref="Maps"/>; null where there is none.</summary>
    internal MappedFile? FileBefore(int index) => _lastFileMap[index] is int last and >= 0 ? _fileOfMap[last] : null;

    /// <summary>
    /// The image that has an address in anonymous memory: a segment that is longer in memory than in the file, as that of
    /// <c>.bss</c> is, continues after the last page of the file. Null where there is none.
    /// </summary>
    /// <param name="index">Index of the mapping that holds the address.</param>
    /// <param name="address">The address.</param>
    internal MappedImage? ImageOfZeros(int index, ulong address) =>
        _maps[index].Kind is ProcMapKind.Anonymous or ProcMapKind.NamedAnonymous or ProcMapKind.Heap
        && FileBefore(index)?.ImageOf(_maps[_lastFileMap[index]]) is MappedImage image && image.HasZerosAt(address)
            ? image
            : null;

    /// <summary>Reads a pointer at an address of the process: 4 bytes in a 32-bit process, else 8.</summary>
    /// <exception cref="MemProcException">ReadMemory: it cannot be read.</exception>
    internal ulong ReadPointer(ulong address)
    {
        MemoryValueType type = MemoryValue.For(MemoryValueType.Pointer, DataModel.Of(Process));
        byte[] bytes = new MemoryReader(Process, ReadMethod.Auto, _cancellation)
            .ReadExactly(address, (ulong)MemoryValue.SizeOf(type));
        return UserRange.Untag((ulong)MemoryValue.Decode(bytes, type));
    }

    /// <summary>
    /// Reads the list of mappings again. Files whose mappings have not changed stay open; the others are closed.
    /// </summary>
    /// <returns>Whether the list has changed.</returns>
    /// <exception cref="MemProcException">ReadMaps: the mappings cannot be read.</exception>
    internal bool Refresh()
    {
        ProcMap[] maps = [.. MapReader.Read(Process, _cancellation)];
        if (maps.Length == _maps.Length && maps.Zip(_maps).All(pair => pair.First.IsSameAs(pair.Second)))
        {
            return false;
        }

        SetMaps(maps);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MappedFile file in _files)
        {
            file.Close();
        }
    }

    /// <summary>Takes a list of mappings and groups it by file.</summary>
    private void SetMaps(ProcMap[] maps)
    {
        int[] lastFileMap = new int[maps.Length];
        int last = -1;
        for (int index = 0; index < maps.Length; index++)
        {
            lastFileMap[index] = last;
            last = maps[index].CanContainElf ? index : last;
        }

        Dictionary<(string, ulong, string), MappedFile> previous = _files.ToDictionary(file => KeyOf(file.Maps[0]));
        Dictionary<(string, ulong, string), List<int>> indexes = [];
        for (int index = 0; index < maps.Length; index++)
        {
            if (!maps[index].CanContainElf)
            {
                continue;
            }

            (string, ulong, string) key = KeyOf(maps[index]);
            if (!indexes.TryGetValue(key, out List<int>? ofFile))
            {
                indexes[key] = ofFile = [];
            }

            ofFile.Add(index);
        }

        MappedFile?[] fileOfMap = new MappedFile?[maps.Length];
        List<MappedFile> files = new(indexes.Count);
        foreach (((string, ulong, string) key, List<int> ofFile) in indexes.OrderBy(file => file.Value[0]))
        {
            ProcMap[] mapsOfFile = [.. ofFile.Select(index => maps[index])];
            if (previous.TryGetValue(key, out MappedFile? file) && file.HasMaps(mapsOfFile))
            {
                previous.Remove(key);
            }
            else
            {
                file = new MappedFile(Process, mapsOfFile, _cancellation);
            }

            files.Add(file);
            ofFile.ForEach(index => fileOfMap[index] = file);
        }

        foreach (MappedFile file in previous.Values)
        {
            file.Close();
        }

        (_maps, _fileOfMap, _files, _lastFileMap) = (maps, fileOfMap, [.. files], lastFileMap);
        _starts = Array.ConvertAll(maps, map => map.Start);
        (_mapsByPath, _filesByName, _filesByPath) = (null, null, null);
    }

    /// <summary>
    /// Identifies a file. Device and inode are not enough: the list of mappings has one device for all subvolumes of a
    /// btrfs, each of which numbers its inodes from the same number on. A file mapped by several names counts as several.
    /// </summary>
    private static (string Device, ulong Inode, string Path) KeyOf(ProcMap map) => (map.Device, map.Inode, map.RawPath);
}

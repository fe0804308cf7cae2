using System.Buffers.Binary;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The mappings of a process as they are now, and the files behind them. What it opens it keeps until it is disposed
/// of, so that each file is parsed once however many addresses are asked for.
/// </summary>
public sealed class ProcModules : IDisposable
{
    private readonly CancellationToken _cancellation;
    private readonly ProcMap[] _maps;
    private readonly ulong[] _starts;
    private readonly ProcModule?[] _moduleOfMap;
    private readonly ProcModule[] _modules;
    private readonly Lazy<IReadOnlyList<(ulong Type, ulong Value)>> _auxiliary;
    private int _wordBytes = sizeof(ulong);

    /// <summary>Reads the mappings.</summary>
    /// <param name="process">The process.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="MemProcException">ReadMaps: the mappings cannot be read.</exception>
    public ProcModules(LinuxProcess process, CancellationToken cancellation = default)
    {
        Process = process;
        _cancellation = cancellation;
        _maps = [.. MapReader.Read(process, cancellation)];
        _starts = Array.ConvertAll(_maps, map => map.Start);
        _moduleOfMap = new ProcModule?[_maps.Length];
        _modules = Group();
        _auxiliary = new Lazy<IReadOnlyList<(ulong Type, ulong Value)>>(
            () => AuxiliaryVectorReader.Read(process, out _wordBytes));
    }

    /// <summary>The process.</summary>
    public LinuxProcess Process { get; }

    /// <summary>All mappings, in address order.</summary>
    public IReadOnlyList<ProcMap> Maps => _maps;

    /// <summary>The mapped files, by their first address.</summary>
    public IReadOnlyList<ProcModule> All => _modules;

    /// <summary>
    /// The main program: the file that holds the entry point of the auxiliary vector; where there is no such, the first
    /// one that can be executed. Null where there is none either.
    /// </summary>
    public ProcModule? Main => Auxiliary.FirstOrDefault(entry => entry.Type == AuxiliaryVector.Entry) is { Type: > 0 } entry
        && ModuleAt(entry.Value) is ProcModule module
            ? module
            : Array.Find(_modules, module => module.Maps.Any(map => map.IsExecutable && map.Kind == ProcMapKind.File));

    /// <summary>The auxiliary vector: types and values.</summary>
    /// <exception cref="MemProcException">ReadAuxiliaryVector: it cannot be read.</exception>
    public IReadOnlyList<(ulong Type, ulong Value)> Auxiliary => _auxiliary.Value;

    /// <summary>The files of a name, or of a path where it has a slash.</summary>
    public IEnumerable<ProcModule> Named(string name) =>
        _modules.Where(module => (name.Contains('/') ? module.Path : module.Name) == name);

    /// <summary>The file that is mapped at an address; null where none is.</summary>
    public ProcModule? ModuleAt(ulong address) => IndexOf(address) is int index and >= 0 ? _moduleOfMap[index] : null;

    /// <summary>Which of <see cref="Maps"/> holds an address; -1 where none does.</summary>
    internal int IndexOf(ulong address)
    {
        int index = Array.BinarySearch(_starts, address);
        index = index >= 0 ? index : ~index - 1;
        return index >= 0 && address < _maps[index].End ? index : -1;
    }

    /// <summary>The file behind one of <see cref="Maps"/>; null where none is.</summary>
    internal ProcModule? ModuleOf(int index) => _moduleOfMap[index];

    /// <summary>The pointer that stands at an address of the process, of 4 bytes in a 32-bit one.</summary>
    /// <exception cref="MemProcException">ReadMemory: it cannot be read.</exception>
    internal ulong ReadPointer(ulong address)
    {
        _ = Auxiliary;
        byte[] bytes = new MemoryReader(Process, ReadMethod.Auto, _cancellation).ReadWhole(address, (ulong)_wordBytes);
        return _wordBytes == sizeof(ulong)
            ? BinaryPrimitives.ReadUInt64LittleEndian(bytes)
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ProcModule module in _modules)
        {
            module.Dispose();
        }
    }

    private ProcModule[] Group()
    {
        Dictionary<(string Device, ulong Inode, string Path), List<int>> files = [];
        for (int index = 0; index < _maps.Length; index++)
        {
            ProcMap map = _maps[index];
            if (!ElfImages.CanHold(map))
            {
                continue;
            }

            // Files are told apart by their inode, which may have several names.
            (string, ulong, string) key = map.Inode == 0 ? (string.Empty, 0, map.Path) : (map.Device, map.Inode, string.Empty);
            if (!files.TryGetValue(key, out List<int>? indexes))
            {
                files[key] = indexes = [];
            }

            indexes.Add(index);
        }

        List<ProcModule> modules = new(files.Count);
        foreach (List<int> indexes in files.Values.OrderBy(indexes => indexes[0]))
        {
            ProcModule module = new(Process, [.. indexes.Select(index => _maps[index])], _cancellation);
            modules.Add(module);
            foreach (int index in indexes)
            {
                _moduleOfMap[index] = module;
            }
        }

        return [.. modules];
    }
}

using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// A folder with the bytes of each mapping in a file of its own, named by its addresses, and an index. It gets its name
/// when all of it is complete.
/// </summary>
internal sealed class RawFolder : DumpWriter
{
    /// <summary>Larger files than that are more than some file systems can count.</summary>
    private const ulong LargestSparse = 1UL << 40;

    private readonly string _path;
    private readonly string _partial;
    private readonly SaveOptions _options;
    private readonly MemoryIndex _index;
    private readonly List<IndexedMapping> _mappings = [];
    private readonly List<IndexedStretch> _saved = [];
    private readonly List<IndexedGap> _gaps = [];
    private SavedArea _area;
    private string? _name;
    private NewFile? _file;
    private DumpStream? _stream;
    private ulong _sizeBytes;

    /// <summary>Begins a folder.</summary>
    /// <exception cref="MemProcException">WriteFile: EEXIST where something is there; it cannot be made.</exception>
    [SuppressMessage("Interoperability", "CA1416", Justification = "MemProc is for Linux.")]
    public RawFolder(string path, SaveOptions options, ProcessIdentity process, bool isConsistent, DateTimeOffset time)
    {
        _path = Path.TrimEndingDirectorySeparator(path);
        _options = options;
        _index = new MemoryIndex
        {
            ProcessId = process.ProcessId,
            ProcessName = process.Name,
            ProcessStartTicks = process.StartTicks,
            Time = time,
            IsConsistent = isConsistent,
            IsCompressed = options.Compress,
            PageSizeBytes = MachinePage.SizeBytes,
            SavedBytes = 0,
            Mappings = _mappings,
        };
        ThrowUnlessReplaceable();
        _partial = $"{_path}.{Path.GetRandomFileName()}.partial";
        Directory.CreateDirectory(_partial,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Whether zeros take no room in the file, but have their place.</summary>
    private bool IsSparse => !_options.Compress && _area.Length <= LargestSparse;

    /// <inheritdoc/>
    public override void Begin(SavedArea area)
    {
        _area = area;
        _name = null;
        _saved.Clear();
        _gaps.Clear();
    }

    /// <inheritdoc/>
    public override void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (_stream is null)
        {
            _name = $"{_area.Start:x}-{_area.End:x}.bin{(_options.Compress ? ".gz" : string.Empty)}";
            _file = new NewFile(Path.Combine(_partial, _name), overwrite: false);
            _stream = DumpStream.Begin(_file, _options.Compress, headBytes: 0);
        }

        if (IsSparse)
        {
            _stream.Skip(address - _area.Start - _stream.Position);
        }

        ulong length = (ulong)bytes.Length;
        if (_saved is [.., { } last] && last.Address + last.Length == address)
        {
            _saved[^1] = last with { Length = last.Length + length };
        }
        else
        {
            _saved.Add(new IndexedStretch(address, length, _stream.Position));
        }

        _stream.Write(bytes);
    }

    /// <inheritdoc/>
    public override void WriteZeros(ulong address, ulong length)
    {
        // What the index does not name holds zeros.
    }

    /// <inheritdoc/>
    public override void WriteGap(MemoryGap gap) =>
        _gaps.Add(new IndexedGap(gap.Address, gap.Length, gap.Kind, gap.Errno));

    /// <inheritdoc/>
    public override void End()
    {
        ProcMap map = _area.Map;
        _mappings.Add(new IndexedMapping
        {
            Start = _area.Start,
            End = _area.End,
            Permissions = map.Permissions,
            Offset = map.Inode == 0 ? map.Offset : map.Offset + (_area.Start - map.Start),
            Device = map.Device,
            Inode = map.Inode,
            Kind = map.Kind,
            Path = map.Path,
            IsDeleted = map.IsDeleted,
            File = _name,
            Saved = [.. _saved],
            Gaps = [.. _gaps],
        });
        if (_stream is null)
        {
            return;
        }

        if (IsSparse)
        {
            _stream.Skip(_area.Length - _stream.Position);
        }

        _sizeBytes += _stream.End([]);
        _stream.Dispose();
        _stream = null;
        _file!.Complete();
    }

    /// <inheritdoc/>
    public override ulong Complete(ulong savedBytes)
    {
        using (NewFile file = new(Path.Combine(_partial, MemoryIndex.FileName), overwrite: false))
        {
            using (FileStream stream = new(file.Handle, FileAccess.Write))
            {
                JsonSerializer.Serialize(
                    stream, _index with { SavedBytes = savedBytes }, MemoryIndexJson.Default.MemoryIndex);
            }

            file.Complete();
        }

        _sizeBytes += (ulong)new FileInfo(Path.Combine(_partial, MemoryIndex.FileName)).Length;
        ThrowUnlessReplaceable();
        RemoveFormer();
        Directory.Move(_partial, _path);
        return _sizeBytes;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _stream?.Dispose();
        _file?.Dispose();
        if (Directory.Exists(_partial))
        {
            Directory.Delete(_partial, recursive: true);
        }
    }

    /// <summary>An empty folder may be filled; with -Force, one that was saved before and holds nothing else.</summary>
    private void ThrowUnlessReplaceable()
    {
        string shown = SafeText.Escape(_path);
        if (!Directory.Exists(Path.GetDirectoryName(_path)))
        {
            throw new MemProcException(Operation.WriteFile, Errno.ENOENT, $"'{shown}' has no folder to be in.", _path);
        }

        if (!Path.Exists(_path))
        {
            return;
        }

        if (File.Exists(_path))
        {
            throw new MemProcException(Operation.WriteFile, Errno.ENOTDIR, $"'{shown}' is a file; raw files go into a folder.", _path);
        }

        string? other = Directory.EnumerateFileSystemEntries(_path).FirstOrDefault();
        if (other is null)
        {
            return;
        }

        if (!_options.Overwrite)
        {
            throw new MemProcException(Operation.WriteFile, Errno.EEXIST, $"'{shown}' is there already, and is left as it is.", _path);
        }

        HashSet<string> known = FormerFiles();
        other = Directory.EnumerateFileSystemEntries(_path).Select(Path.GetFileName).FirstOrDefault(
            name => !known.Contains(name!));
        if (other is not null)
        {
            throw new MemProcException(Operation.WriteFile, Errno.EEXIST,
                $"'{shown}' holds more than memory that was saved, such as '{SafeText.Escape(other)}': nothing of it is "
                + "replaced.", _path);
        }
    }

    /// <summary>The files of what was saved in the folder before; none where nothing was.</summary>
    private HashSet<string> FormerFiles()
    {
        try
        {
            return [MemoryIndex.FileName, .. MemoryIndex.Load(_path).Mappings.Select(mapping => mapping.File).OfType<string>()];
        }
        catch (Exception error) when (error is JsonException or FileNotFoundException)
        {
            return [];
        }
    }

    private void RemoveFormer()
    {
        if (Directory.Exists(_path))
        {
            foreach (string name in Directory.GetFiles(_path))
            {
                File.Delete(name);
            }

            Directory.Delete(_path);
        }
    }
}

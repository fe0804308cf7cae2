using System.Text.Json;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Writes a directory with a file for each mapping, named by its addresses, and an index. It gets its name when it is
/// complete; until then it has a random one. Only its owner may enter it and read the files.
/// </summary>
internal sealed class RawFolderWriter : DumpWriter
{
    /// <summary>
    /// The largest file that is sparse: the length of a larger one exceeds what some file systems support.
    /// </summary>
    private const ulong MaxSparseBytes = 1UL << 40;

    private readonly string _path;
    private readonly string _name;
    private readonly string _partialName = AtomicFile.PartialName();
    private readonly SafeFileHandle _parent;
    private readonly SafeFileHandle _folder;
    private readonly SignalCleanup _cleanup;
    private readonly Lock _changing = new();
    private readonly SaveOptions _options;
    private readonly MemoryIndex _index;
    private readonly List<string> _files = [];
    private readonly List<IndexedMapping> _mappings = [];
    private readonly List<IndexedRange> _saved = [];
    private readonly List<IndexedGap> _gaps = [];
    private SavedArea _area;
    private string? _file;
    private SafeFileHandle? _handle;
    private DumpFileWriter? _stream;
    private ulong _sizeBytes;
    private bool _isComplete;
    private bool _isRemoved;

    /// <summary>Creates a directory.</summary>
    /// <exception cref="MemProcException">WriteFile: EEXIST where something exists; it cannot be created.</exception>
    public RawFolderWriter(string path, SaveOptions options, ProcessIdentity process, bool isConsistent, DateTimeOffset time)
    {
        _path = Path.TrimEndingDirectorySeparator(path);
        _name = Path.GetFileName(_path);
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
        _parent = AtomicFile.OpenFolderOf(_path);
        try
        {
            PreviousDump.Open(_parent, _path, options.Overwrite)?.Dispose();
            Errno errno = Libc.TryMakeDirectoryAt(_parent, _partialName);
            SafeFileHandle? folder = null;
            if (errno == Errno.None)
            {
                errno = Libc.TryOpenAt(_parent, _partialName, OpenAccess.ReadOnly, out folder, followLinks: false);
            }

            _folder = folder ?? throw AtomicFile.Failure(_path, errno);
            _cleanup = new SignalCleanup(Remove);
        }
        catch
        {
            Libc.TryUnlinkAt(_parent, _partialName, isDirectory: true);
            _parent.Dispose();
            throw;
        }
    }

    /// <summary>Whether zeros are holes in the file. Otherwise the file has only the bytes that were saved.</summary>
    private bool IsSparse => !_options.Compress && _area.Length <= MaxSparseBytes;

    /// <inheritdoc/>
    public override void Begin(SavedArea area)
    {
        _area = area;
        _file = null;
        _saved.Clear();
        _gaps.Clear();
    }

    /// <inheritdoc/>
    public override void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (_stream is null)
        {
            _file = $"{_area.Start:x}-{_area.End:x}.bin{(_options.Compress ? ".gz" : string.Empty)}";
            _handle = Create(_file);
            _stream = DumpFileWriter.Begin(_handle, _options.Compress, headerBytes: 0);
        }

        if (IsSparse)
        {
            _stream.SkipTo(address - _area.Start);
        }

        ulong length = (ulong)bytes.Length;
        if (_saved is [.., { } last] && last.Address + last.Length == address)
        {
            _saved[^1] = last with { Length = last.Length + length };
        }
        else
        {
            _saved.Add(new IndexedRange(address, length, _stream.Position));
        }

        _stream.Write(bytes);
    }

    /// <inheritdoc/>
    public override void WriteZeros(ulong address, ulong length)
    {
        // What the index does not list holds zeros.
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
            PathBytes = map.Path.Any(PathText.IsEscape) ? map.GetPathBytes() : null,
            IsDeleted = map.IsDeleted,
            File = _file,
            Saved = [.. _saved],
            Gaps = [.. _gaps],
        });
        if (_stream is null)
        {
            return;
        }

        if (IsSparse)
        {
            _stream.SkipTo(_area.Length);
        }

        _sizeBytes += _stream.End([]);
        CloseFile();
    }

    /// <inheritdoc/>
    public override ulong Complete(ulong savedBytes)
    {
        using (FileStream index = new(Create(MemoryIndex.FileName), FileAccess.Write))
        {
            JsonSerializer.Serialize(index, _index with { SavedBytes = savedBytes }, MemoryIndexJson.Default.MemoryIndex);
            _sizeBytes += (ulong)index.Length;
        }

        foreach (string file in _files)
        {
            Errno errno = Libc.TryOpenAt(_folder, file, OpenAccess.ReadOnly, out SafeFileHandle? handle, followLinks: false);
            using (handle)
            {
                AtomicFile.Flush(handle ?? throw AtomicFile.Failure(_path, errno), _path);
            }
        }

        AtomicFile.Flush(_folder, _path);
        using (PreviousDump? previous = PreviousDump.Open(_parent, _path, _options.Overwrite))
        {
            previous?.Remove();
        }

        lock (_changing)
        {
            ThrowIfRemoved();
            AtomicFile.Rename(_parent, _partialName, _path);
            _isComplete = true;
        }

        return _sizeBytes;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _cleanup.Dispose();
        CloseFile();
        Remove();
        _folder.Dispose();
        _parent.Dispose();
    }

    private SafeFileHandle Create(string file)
    {
        lock (_changing)
        {
            ThrowIfRemoved();
            SafeFileHandle handle = AtomicFile.Create(_folder, file, _path);
            _files.Add(file);
            return handle;
        }
    }

    /// <summary>Removes the directory unless it is complete. Nothing can be added to it any more.</summary>
    private void Remove()
    {
        lock (_changing)
        {
            if (_isComplete || _isRemoved || _folder.IsClosed)
            {
                return;
            }

            foreach (string file in _files)
            {
                Libc.TryUnlinkAt(_folder, file);
            }

            Libc.TryUnlinkAt(_parent, _partialName, isDirectory: true);
            _isRemoved = true;
        }
    }

    private void ThrowIfRemoved()
    {
        if (_isRemoved)
        {
            throw AtomicFile.Failure(_path, Errno.EINTR);
        }
    }

    private void CloseFile()
    {
        _stream?.Dispose();
        _stream = null;
        _handle?.Dispose();
        _handle = null;
    }
}

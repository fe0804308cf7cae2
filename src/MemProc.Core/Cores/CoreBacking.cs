using System.Diagnostics.CodeAnalysis;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// The mapped files of a core on this machine. Cores leave code to its file. A file is used only where its build id is
/// that of the image in the core, and only for what is loaded without write permission: the rest can have changed.
/// </summary>
internal sealed class CoreBacking : IDisposable
{
    /// <summary>Files that are checked: more than a process maps, and fewer than a hostile core can name.</summary>
    public const int MaxFiles = 4096;

    private readonly CoreFile _core;
    private readonly CoreMappedFile[] _files;
    private readonly CoreMemory _memory;
    private readonly ushort _machine;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, CheckedImage> _images = [];
    private readonly SortedSet<string> _used = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _buildIds;
    private (string Path, ElfFileSource Source)? _open;

    /// <summary>Prepares the files. None is opened before it is needed.</summary>
    /// <param name="core">The core.</param>
    /// <param name="files">The files that it names.</param>
    /// <param name="memory">The memory that it holds.</param>
    /// <param name="machine">The machine of its ELF header.</param>
    /// <param name="buildIds">The list of build ids of a core without memory; null in other cores.</param>
    public CoreBacking(CoreFile core, CoreMappedFile[] files, CoreMemory memory, ushort machine, byte[]? buildIds)
    {
        _buildIds = PathText.Decode(buildIds ?? []).Split('\n').Take(MaxFiles).Select(line => line.Split(' ', 2))
            .Where(parts => parts.Length == 2).DistinctBy(parts => parts[1])
            .ToDictionary(parts => parts[1], parts => parts[0]);
        _core = core;
        _files = files;
        _memory = memory;
        _machine = machine;
    }

    /// <summary>The files that bytes were read from so far.</summary>
    public IReadOnlyList<string> Used
    {
        get
        {
            lock (_lock)
            {
                return [.. _used];
            }
        }
    }

    /// <summary>Reads bytes that the core left to a file.</summary>
    /// <param name="address">First address.</param>
    /// <param name="buffer">Receives the bytes.</param>
    /// <param name="read">Bytes read; 0 where no file has them.</param>
    /// <param name="path">The file that supplied them.</param>
    public bool TryRead(ulong address, Span<byte> buffer, out int read, [NotNullWhen(true)] out string? path)
    {
        read = 0;
        path = null;
        if (HasNoMemory || FileAt(address) is not CoreMappedFile file
            || MapReader.Find(_core, address) is not { IsWritable: false, IsShared: false } map)
        {
            return false;
        }

        path = PathText.Decode(file.Path);
        ulong offset = file.Offset + (address - file.Start);
        lock (_lock)
        {
            CheckedImage image = Check(path);
            if (BaseOf(file) is not ulong start || image.SegmentAt(offset, address - start) is not ElfSegment segment
                || Open(path, image) is not ElfFileSource source)
            {
                return false;
            }

            ulong length = Math.Min(
                Math.Min(map.End, file.End) - address, MachinePage.Ceiling(segment.Offset + segment.FileBytes) - offset);
            // What the core has comes from the core.
            length = Math.Min(length, _memory.NextSaved(address) - address);
            read = source.Read(offset, buffer[..(int)Math.Min((ulong)buffer.Length, length)]);
            if (read > 0)
            {
                _used.Add(path);
            }

            return read > 0;
        }
    }

    /// <summary>Whether a file can have bytes of a mapping: it was checked, and is that of the core.</summary>
    public bool CanHave(ProcMap map, ulong address)
    {
        if (HasNoMemory || map.IsWritable || map.IsShared || FileAt(address) is not CoreMappedFile file)
        {
            return false;
        }

        lock (_lock)
        {
            return Check(PathText.Decode(file.Path)).Refusal is null;
        }
    }

    /// <summary>Opens a mapped file; null where this machine does not have that of the core.</summary>
    /// <param name="path">The path in the list of mappings.</param>
    /// <param name="cancellation">Stops reads.</param>
    /// <param name="refusal">Why it is not used; null where it is.</param>
    public ElfFileSource? TryOpen(string path, CancellationToken cancellation, out string? refusal)
    {
        lock (_lock)
        {
            CheckedImage image = Check(path);
            refusal = image.Refusal;
            return refusal is null ? OpenAgain(path, image, cancellation) : null;
        }
    }

    /// <summary>Whether this machine has another file with the path than the mapped one, as far as that is known.</summary>
    public bool IsReplaced(string path)
    {
        lock (_lock)
        {
            return Check(path).IsOther;
        }
    }

    /// <summary>The build id of a mapped file, as the core has it; null where it has none.</summary>
    public string? BuildIdOf(string path)
    {
        try
        {
            using ElfFile? image = ImageInCore(path);
            if (image?.BuildId is string id)
            {
                return id;
            }
        }
        catch (MemProcException)
        {
            // A core without memory has it in the list.
        }

        return _buildIds.GetValueOrDefault(path);
    }

    /// <summary>
    /// Returns the permissions with which a part of a file is loaded, by its program headers; <c>---</c> where they are
    /// not known.
    /// </summary>
    public string PermissionsAt(CoreMappedFile file, ulong offset)
    {
        lock (_lock)
        {
            CheckedImage image = Check(PathText.Decode(file.Path));
            return image.Refusal is not null ? "---"
                : image.Segments.FirstOrDefault(segment => segment.Type == ElfSegmentType.Load
                    && MachinePage.Floor(segment.Offset) <= offset && offset < segment.Offset + segment.FileBytes)?.Permissions
                    ?? "---";
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _open?.Source.Dispose();

    /// <summary>
    /// The core was saved without memory. What is not in it can have been changed, so that no file stands for memory.
    /// </summary>
    private bool HasNoMemory => _buildIds.Count > 0;

    private CoreMappedFile? FileAt(ulong address)
    {
        int low = 0;
        for (int high = _files.Length; low < high;)
        {
            int middle = (low + high) / 2;
            (low, high) = _files[middle].End > address ? (low, middle) : (middle + 1, high);
        }

        return low < _files.Length && _files[low].Start <= address ? _files[low] : null;
    }

    /// <summary>The start of the image that a part of a file belongs to; null where its first page is not mapped.</summary>
    private ulong? BaseOf(CoreMappedFile part)
    {
        for (int index = Array.IndexOf(_files, part); index >= 0; index--)
        {
            if (_files[index].Offset == 0 && _files[index].Path.AsSpan().SequenceEqual(part.Path))
            {
                return _files[index].Start;
            }
        }

        return null;
    }

    private CheckedImage Check(string path)
    {
        if (_images.TryGetValue(path, out CheckedImage? known))
        {
            return known;
        }

        CheckedImage image = _images.Count >= MaxFiles
            ? new CheckedImage("more files are mapped than are checked", [], default)
            : CheckNow(path);
        return _images[path] = image;
    }

    private CheckedImage CheckNow(string path)
    {
        try
        {
            if (BuildIdOf(path) is not string id)
            {
                return new CheckedImage("the core has no build id of it to compare with", [], default);
            }

            FileRefusal? refused = TargetFiles.OfHost.TryOpen(path, CancellationToken.None, out CheckedFile? file);
            if (refused is { } refusal)
            {
                return new CheckedImage(refusal.ToString(), [], default);
            }

            FileStatus status = file!.Status;
            using ElfFile image = ElfFile.Read(new ElfFileSource(file, path));
            return image.BuildId == id && image.Raw.Machine == _machine
                ? new CheckedImage(null, [.. image.Segments], status)
                : new CheckedImage("the file on disk has another build id", [], default) { IsOther = true };
        }
        catch (MemProcException error)
        {
            return new CheckedImage(error.Message, [], default);
        }
    }

    /// <summary>The image of a file, as far as the core holds it; null where it does not hold its header.</summary>
    private ElfFile? ImageInCore(string path)
    {
        byte[] bytes = PathText.Encode(path);
        CoreMappedFile[] maps = [.. _files.Where(file => file.Path.AsSpan().SequenceEqual(bytes))];
        return maps.Any(file => file.Offset == 0) ? ElfFile.Read(new ImageInCoreSource(_memory, maps, path)) : null;
    }

    /// <summary>The file, opened once as long as the next bytes are in the same one.</summary>
    private ElfFileSource? Open(string path, CheckedImage image)
    {
        if (_open is var (open, source) && open == path)
        {
            return source;
        }

        _open?.Source.Dispose();
        _open = null;
        if (OpenAgain(path, image, CancellationToken.None) is ElfFileSource opened)
        {
            _open = (path, opened);
        }

        return _open?.Source;
    }

    /// <summary>Opens a file that was checked; null where another one has its path by now.</summary>
    private static ElfFileSource? OpenAgain(string path, CheckedImage image, CancellationToken cancellation)
    {
        if (TargetFiles.OfHost.TryOpen(path, cancellation, out CheckedFile? file) is not null)
        {
            return null;
        }

        if (file!.Status.IsSameFileAs(image.Status) && file.Status.SizeBytes == image.Status.SizeBytes
            && file.Status.ChangeSeconds == image.Status.ChangeSeconds
            && file.Status.ChangeNanoseconds == image.Status.ChangeNanoseconds)
        {
            return new ElfFileSource(file, path, cancellation);
        }

        file.Dispose();
        return null;
    }

    /// <summary>A file that was compared with the core.</summary>
    private sealed record CheckedImage(string? Refusal, ElfSegment[] Segments, FileStatus Status)
    {
        /// <summary>Another file has the path.</summary>
        public bool IsOther { get; init; }

        /// <summary>
        /// The segment without write permission whose pages have an offset; null where none has. A page of the file that two
        /// segments share is mapped twice, so the address has to be that of the segment.
        /// </summary>
        /// <param name="offset">The offset.</param>
        /// <param name="fromStart">Distance of the address from the start of the image.</param>
        public ElfSegment? SegmentAt(ulong offset, ulong fromStart)
        {
            ElfSegment[] loads = Array.FindAll(Segments, segment => segment.Type == ElfSegmentType.Load);
            ulong first = loads.Length > 0 ? MachinePage.Floor(loads.Min(segment => segment.VirtualAddress)) : 0;
            ElfSegment[] found = Array.FindAll(loads, segment =>
                unchecked(first + fromStart) is ulong address && MachinePage.Floor(segment.VirtualAddress) <= address
                && address < MachinePage.Ceiling(unchecked(segment.VirtualAddress + segment.FileBytes)));
            return found is [{ } only] && only.Permissions[1] != 'w'
                && unchecked(first + fromStart - only.VirtualAddress) == unchecked(offset - only.Offset)
                ? only
                : null;
        }
    }

    /// <summary>The bytes of a file that the core itself holds.</summary>
    private sealed class ImageInCoreSource(CoreMemory memory, CoreMappedFile[] maps, string path) : ElfSource
    {
        public override string Name => path;

        public override ulong Length => maps.Max(map => map.Offset + (map.End - map.Start));

        public override bool IsMemory => true;

        public override int Read(ulong offset, Span<byte> buffer)
        {
            int done = 0;
            while (done < buffer.Length)
            {
                ulong at = offset + (ulong)done;
                CoreMappedFile? map = Array.Find(maps, map => map.Offset <= at && at - map.Offset < map.End - map.Start);
                if (map is null)
                {
                    break;
                }

                ulong within = at - map.Offset;
                Span<byte> rest = buffer[done..];
                rest = rest[..(int)Math.Min((ulong)rest.Length, map.End - map.Start - within)];
                if (memory.TryRead(map.Start + within, rest, out int read) != Errno.None)
                {
                    break;
                }

                done += read;
            }

            return done;
        }
    }
}

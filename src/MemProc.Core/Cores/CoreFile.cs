using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// An ELF core file of a process: one of MemProc, of gcore, or of the kernel. Nothing in it is trusted, and of its memory
/// only what is asked for is read.
/// </summary>
public sealed class CoreFile : MemoryTarget
{
    private readonly ElfFile _elf;
    private readonly CoreContents _contents;
    private readonly Dictionary<string, byte[]> _texts;
    private readonly Lazy<byte[]> _maps;
    private readonly CorePages? _pages;
    private readonly CoreFrames? _frames;

    private CoreFile(ElfFile elf, string path, DateTimeOffset modified)
    {
        _elf = elf;
        _contents = CoreContents.Read(elf);
        Memory = new CoreMemory(elf.Source, elf.Segments, _contents.Gaps);
        Backing = new CoreBacking(this, _contents.Files, Memory, elf.Raw.Machine,
            _contents.Texts.GetValueOrDefault(CoreNoteFormat.BuildIdsName));
        Identity = new ProcessIdentity(
            Math.Max(_contents.ProcessId, 0), _contents.Name, _contents.Header?.StartTicks ?? 0) { CorePath = path };
        Time = _contents.Header?.Time ?? modified;
        _texts = _contents.Texts;
        _maps = new Lazy<byte[]>(() => CoreMaps.Write(elf.Segments, _contents, Backing));
        HugeTlbDevices = new Lazy<HashSet<(uint Major, uint Minor)>>(ReadHugeTlbDevices);
        if (_contents.PageInfo is CorePageInfo info)
        {
            _pages = new CorePages(info, _contents.Pages);
            _frames = info.Fields.HasFlag(CorePageFields.FrameFlags)
                ? new CoreFrames(info, _contents.Frames, new Lazy<IReadOnlyDictionary<ulong, string>>(ReadCgroups))
                : null;
        }
    }

    /// <inheritdoc/>
    public override ProcessIdentity Identity { get; }

    /// <summary>The processor.</summary>
    public ElfMachine Machine => (ElfMachine)_elf.Raw.Machine;

    /// <summary>Width of addresses: 32 or 64.</summary>
    public int Bits => _elf.Format.Is64Bit ? 64 : 32;

    /// <summary>The byte order of its registers.</summary>
    internal bool IsBigEndian => _elf.Format.IsBigEndian;

    /// <summary>The time of the save; of cores of other programs, the time when the file was changed last.</summary>
    public DateTimeOffset Time { get; }

    /// <summary>MemProc wrote the core: it has the whole list of mappings.</summary>
    public bool IsOfMemProc => _contents.Header is not null;

    /// <summary>MemProc saved the page information: pagemap entries, smaps, and what the kernel reported of the frames.</summary>
    public bool HasPageInfo => _contents.PageInfo is not null;

    /// <summary>The threads, the one that received the signal first; empty where the core has no registers.</summary>
    public IReadOnlyList<CoreThread> Threads => _contents.Threads;

    /// <summary>Bytes of memory that the core holds, pages of zeros included.</summary>
    public ulong SavedBytes => Memory.SavedBytes;

    /// <summary>Bytes that the core should hold, and lacks since the file was cut off.</summary>
    public ulong TruncatedBytes => Memory.TruncatedBytes;

    /// <summary>Length of the file in bytes; of a compressed file, before compression.</summary>
    public ulong SizeBytes => _elf.Source.Length;

    /// <inheritdoc/>
    internal override Lazy<HashSet<(uint Major, uint Minor)>> HugeTlbDevices { get; }

    /// <inheritdoc/>
    internal override TargetPages Pages => _pages ?? throw NoPageInfo(Operation.ReadPageMap);

    /// <inheritdoc/>
    internal override SavedFrames? Frames => _frames
        ?? throw (_pages is null ? NoPageInfo(Operation.ReadPageFlags) : new MemProcException(Operation.ReadPageFlags,
            Errno.ENODATA, $"Process {Identity}: the core has page information, but no page flags. Save-ProcessMemory -PageInfo "
            + "requires root for them.", Id));

    /// <inheritdoc/>
    internal override TargetFiles NamedFiles => TargetFiles.OfHost;

    /// <summary>Why a compressed core was not read to its end; null where it was, or is not compressed.</summary>
    internal string? StorageFault { get; private set; }

    /// <summary>The memory that it holds.</summary>
    internal CoreMemory Memory { get; }

    /// <summary>The mapped files on this machine, as far as they are those of the core.</summary>
    internal CoreBacking Backing { get; }

    /// <summary>The notes.</summary>
    internal CoreContents Contents => _contents;

    /// <summary>Opens a core. One that is compressed with gzip or zstd is decompressed into a temporary file.</summary>
    /// <param name="path">The path.</param>
    /// <param name="cancellation">Stops reads.</param>
    /// <exception cref="MemProcException">
    /// ReadElf: it cannot be opened; ENOEXEC where it is not an ELF file, or its header is malformed. ReadCore, ENOEXEC: it
    /// is not a core.
    /// </exception>
    public static CoreFile Open(string path, CancellationToken cancellation = default)
    {
        path = Path.GetFullPath(path);
        CoreFile core = Read(CoreStorage.Open(path, cancellation, out DateTimeOffset modified, out string? fault), path, modified);
        core.StorageFault = fault;
        return core;
    }

    /// <summary>Reads a core from its bytes.</summary>
    /// <param name="source">The bytes; they are disposed with this.</param>
    /// <param name="path">The path that its objects carry.</param>
    /// <param name="modified">When the file was changed last.</param>
    /// <exception cref="MemProcException">As for <see cref="Open"/>.</exception>
    internal static CoreFile Read(ElfSource source, string path, DateTimeOffset modified)
    {
        ElfFile elf = ElfFile.Read(source);
        try
        {
            return elf.Type == ElfType.Core ? new CoreFile(elf, path, modified)
                : throw new MemProcException(Operation.ReadCore, Errno.ENOEXEC,
                    $"{SafeText.Escape(path)} is an ELF file, but not a core.", path);
        }
        catch
        {
            elf.Dispose();
            throw;
        }
    }

    /// <summary>Creates the exception for work that requires a live process.</summary>
    /// <param name="path">The core.</param>
    /// <param name="what">Name of the cmdlet or command.</param>
    public static MemProcException NotLive(string path, string what) => new(Operation.ReadCore, Errno.EOPNOTSUPP,
        $"{SafeText.Escape(path)} is a core file: {what} requires a live process.", path);

    /// <inheritdoc/>
    public override MemProcException Failure(Operation operation, Errno errno, string what, object? target = null,
        string? file = null, OpenAccess access = OpenAccess.ReadOnly) => new(operation, errno,
            $"Process {Identity}: {what}: {ErrnoException.Describe(errno)} ({errno}).", target ?? Id);

    /// <inheritdoc/>
    public override void Dispose()
    {
        Backing.Dispose();
        _elf.Dispose();
    }

    /// <summary>Creates the error for what only the page information has.</summary>
    internal MemProcException NoPageInfo(Operation operation) => new(operation, Errno.ENODATA,
        $"Process {Identity}: the core has no page information. Save-ProcessMemory -PageInfo, or memproc save --page-info, "
        + "writes it.", Id);

    /// <inheritdoc/>
    internal override TargetText OpenText(string name, Operation operation)
    {
        if (_contents.LargeTexts.TryGetValue(name, out CoreText? large))
        {
            return large.Open();
        }

        if (!HasPageInfo && name is "smaps" or "smaps_rollup")
        {
            throw NoPageInfo(operation);
        }

        byte[]? content = _texts.TryGetValue(name, out byte[]? saved) ? saved
            : name == "maps" ? _maps.Value
            : name == "auxv" && _contents.Auxiliary.Length > 0 ? _contents.Auxiliary
            : null;
        return content is not null ? new SavedText(content) : throw new MemProcException(operation, Errno.ENODATA,
            $"Process {Identity}: the core does not have {name}, which only a live process shows.", Id);
    }

    /// <inheritdoc/>
    internal override string? TryReadMachineText(string name) =>
        _texts.TryGetValue(name, out byte[]? saved) ? Encoding.UTF8.GetString(saved) : null;

    /// <inheritdoc/>
    internal override MemProcException NoMemory(Operation operation) => new(
        operation, Errno.ENODATA, $"Process {Identity}: the core has no {operation.Name switch
        {
            nameof(Operation.ReadMaps) => "mappings",
            _ => "counters",
        }}.", Id);

    /// <inheritdoc/>
    internal override IReadOnlyList<(ulong Pointer, int Thread)> StackPointers() =>
        [.. Threads.Where(thread => thread.StackPointer is not null)
            .Select(thread => (thread.StackPointer!.Value, thread.ThreadId))];

    /// <summary>Reads the paths of cgroups, a line each after its inode.</summary>
    private Dictionary<ulong, string> ReadCgroups()
    {
        Dictionary<ulong, string> paths = [];
        foreach (string line in PathText.Decode(_texts.GetValueOrDefault(CoreNoteFormat.CgroupsName) ?? []).Split('\n'))
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && ulong.TryParse(line.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode))
            {
                paths.TryAdd(inode, line[(space + 1)..]);
            }
        }

        return paths;
    }

    private HashSet<(uint Major, uint Minor)> ReadHugeTlbDevices()
    {
        HashSet<(uint, uint)> devices = [];
        if (_texts.TryGetValue(CoreNoteFormat.HugeTlbName, out byte[]? text))
        {
            foreach (string line in Encoding.ASCII.GetString(text).Split('\n'))
            {
                if (line.Split(':') is [string major, string minor]
                    && uint.TryParse(major, NumberStyles.None, CultureInfo.InvariantCulture, out uint first)
                    && uint.TryParse(minor, NumberStyles.None, CultureInfo.InvariantCulture, out uint second))
                {
                    devices.Add((first, second));
                }
            }
        }

        return devices;
    }

    private sealed class SavedText(byte[] content) : TargetText
    {
        public override Errno TryRead(Span<byte> buffer, ulong offset, out int read)
        {
            read = offset < (ulong)content.Length ? Math.Min(buffer.Length, content.Length - (int)offset) : 0;
            content.AsSpan(read == 0 ? 0 : (int)offset, read).CopyTo(buffer);
            return Errno.None;
        }
    }
}

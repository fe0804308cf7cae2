using System.Buffers.Binary;
using System.Text;

namespace MemProc;

/// <summary>
/// The content of the notes of a core (<c>fs/binfmt_elf.c</c>, <c>include/uapi/linux/elfcore.h</c>). Nothing in them is
/// trusted: what does not have the expected size is left out.
/// </summary>
internal sealed class CoreContents
{
    private const uint PrStatus = 1;
    private const uint PrPsInfo = 3;
    private const uint AuxiliaryVectorType = 6;
    private const uint SignalInfoType = 0x53494749;
    private const uint MappedFilesType = 0x46494c45;

    /// <summary>Bytes of notes that are kept in memory: the mappings and threads of the largest process.</summary>
    private const ulong MaxContentBytes = 64 * 1024 * 1024;
    private const int MaxLargeTexts = 16;

    private readonly ElfFile _core;
    private readonly Layout _layout;
    private readonly List<CoreThread> _threads = [];
    private ulong _contentBytes;

    private CoreContents(ElfFile core)
    {
        _core = core;
        _layout = Layout.Of(core.Format, (ElfMachine)core.Raw.Machine);
        Pages = new CoreBlocks<CorePageRun>(core.Source, content => CorePageFormat.ReadPages(content));
        Frames = new CoreBlocks<SavedFrameRun>(core.Source, content => CorePageFormat.ReadFrames(content));
    }

    /// <summary>The process id; 0 where the core does not have it.</summary>
    public int ProcessId { get; private set; }

    /// <summary>The name of the process; empty where the core does not have it.</summary>
    public string Name { get; private set; } = string.Empty;

    /// <summary>The command line, at most 80 bytes; null where the core does not have it.</summary>
    public string? CommandLine { get; private set; }

    /// <summary>Id of the parent process, of the user and of the group; null where the core does not have them.</summary>
    public int? ParentId { get; private set; }

    /// <inheritdoc cref="ParentId"/>
    public uint? UserId { get; private set; }

    /// <inheritdoc cref="ParentId"/>
    public uint? GroupId { get; private set; }

    /// <summary>The threads, the one that received the signal first.</summary>
    public IReadOnlyList<CoreThread> Threads => _threads;

    /// <summary>The first siginfo: signal, code, and address of a fault; null where the core has none.</summary>
    public (int Signal, int Code, ulong Address)? SignalInfo { get; private set; }

    /// <summary>The auxiliary vector, its words in little-endian order; empty where the core has none.</summary>
    public byte[] Auxiliary { get; private set; } = [];

    /// <summary>The mapped files in address order.</summary>
    public CoreMappedFile[] Files { get; private set; } = [];

    /// <summary>Start time of the process in clock ticks, and time of the save: in cores of MemProc.</summary>
    public (ulong StartTicks, DateTimeOffset Time)? Header { get; private set; }

    /// <summary>Files of procfs by name, in cores of MemProc.</summary>
    public Dictionary<string, byte[]> Texts { get; } = [];

    /// <summary>What MemProc did not save; null in cores of other programs.</summary>
    public AddressRange[]? Gaps { get; private set; }

    /// <summary>Why a part of the notes was not read; null where all were.</summary>
    public MemProcException? Fault { get; private set; }

    /// <summary>The head of the page information; null where the core has none.</summary>
    public CorePageInfo? PageInfo { get; private set; }

    /// <summary>The notes with pagemap entries.</summary>
    public CoreBlocks<CorePageRun> Pages { get; }

    /// <summary>The notes with frames.</summary>
    public CoreBlocks<SavedFrameRun> Frames { get; }

    /// <summary>Large files of procfs by name, in cores of MemProc with page information.</summary>
    public Dictionary<string, CoreText> LargeTexts { get; } = [];

    /// <summary>Reads the notes of a core. Those of one that is truncated are read as far as they reach.</summary>
    public static CoreContents Read(ElfFile core)
    {
        CoreContents contents = new(core);
        foreach (ElfNoteHead note in core.NoteHeads(fault => contents.Fault ??= fault))
        {
            try
            {
                if (note.Owner == "CORE")
                {
                    contents.AddOfKernel(note);
                }
                else if (note.Owner == CoreNoteFormat.Owner)
                {
                    contents.AddOwn(note);
                }
            }
            catch (MemProcException error)
            {
                contents.Fault ??= error;
            }
        }

        // Without the list of gaps it is not known which bytes are zeros.
        if (contents.Header is null)
        {
            contents.Gaps = null;
            contents.PageInfo = null;
            contents.Texts.Clear();
            contents.LargeTexts.Clear();
        }

        return contents;
    }

    private void AddOwn(ElfNoteHead note)
    {
        switch (note.Type)
        {
            case CoreNoteFormat.HeaderType:
                Header ??= CoreNoteFormat.ReadHeader(ContentOf(note));
                break;
            case CoreNoteFormat.FileType when CoreNoteFormat.ReadFile(ContentOf(note)) is var (name, content):
                Texts.TryAdd(name, content);
                break;
            case CoreNoteFormat.GapsType:
                Gaps ??= CoreNoteFormat.ReadGaps(ContentOf(note));
                break;
            case CoreNoteFormat.PageInfoType:
                PageInfo ??= CorePageFormat.ReadInfo(ContentOf(note));
                break;
            case CoreNoteFormat.FilePartType:
                AddPart(note);
                break;
            case CoreNoteFormat.PagesType when RangeOf(note) is var (first, end):
                Pages.Add(first, end, note.Offset, note.Length);
                break;
            case CoreNoteFormat.FramesType when RangeOf(note) is var (first, end):
                Frames.Add(first, end, note.Offset, note.Length);
                break;
        }
    }

    private void AddPart(ElfNoteHead note)
    {
        Span<byte> head = stackalloc byte[CorePageFormat.FilePartHeadBytes];
        head = head[..(int)Math.Min((ulong)head.Length, note.Length)];
        // What does not fit in a note of a part is malformed. The text ends before a part that was cut off.
        if (note.Length <= 2 * CorePageFormat.PartBytes && _core.Source.Contains(note.Offset, note.Length)
            && _core.Source.Read(note.Offset, head) == head.Length
            && CorePageFormat.ReadFilePart(head) is var (name, offset, length, dataAt)
            && (LargeTexts.ContainsKey(name) || LargeTexts.Count < MaxLargeTexts))
        {
            if (!LargeTexts.TryGetValue(name, out CoreText? text))
            {
                LargeTexts.Add(name, text = new CoreText(_core.Source));
            }

            text.Add(offset, length, note.Offset + (ulong)dataAt, (int)note.Length - dataAt);
        }
    }

    /// <summary>Returns the range that a note with runs covers; null where it is malformed or cut off.</summary>
    private (ulong First, ulong End)? RangeOf(ElfNoteHead note)
    {
        Span<byte> range = stackalloc byte[CorePageFormat.RangeBytes];
        return CorePageFormat.IsBlock(note.Length) && _core.Source.Contains(note.Offset, note.Length)
            && _core.Source.Read(note.Offset, range) == range.Length
            ? CorePageFormat.ReadRange(range)
            : null;
    }

    /// <summary>Reads the content of a note.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: it was cut off, or the notes are longer than valid ones.</exception>
    private byte[] ContentOf(ElfNoteHead note)
    {
        _contentBytes += Math.Min(note.Length, MaxContentBytes + 1);
        return _contentBytes <= MaxContentBytes ? _core.Source.ReadExactly(note.Offset, note.Length, "its notes")
            : throw _core.Source.Malformed($"its notes have more than {MaxContentBytes} bytes");
    }

    private void AddOfKernel(ElfNoteHead note)
    {
        switch (note.Type)
        {
            case PrStatus:
                AddThread(ContentOf(note));
                break;
            case PrPsInfo:
                AddProcess(ContentOf(note));
                break;
            case AuxiliaryVectorType:
                Auxiliary = _layout.LittleEndian(ContentOf(note));
                break;
            case SignalInfoType when SignalInfo is null:
                AddSignal(ContentOf(note));
                break;
            case MappedFilesType:
                Files = ReadFiles(ContentOf(note));
                break;
        }
    }

    private void AddSignal(byte[] info)
    {
        if (info.Length >= _layout.FaultOffset + _layout.WordBytes)
        {
            SignalInfo = (_layout.Int32(info, 0), _layout.Int32(info, 8), _layout.Word(info, _layout.FaultOffset));
        }
    }

    private void AddThread(byte[] status)
    {
        if (status.Length < _layout.RegistersOffset)
        {
            return;
        }

        int signal = _layout.Int16(status, 12);
        int thread = _layout.Int32(status, _layout.ThreadOffset);
        // Debuggers select the first thread; its id is that of the process where the core does not say more.
        ProcessId = ProcessId == 0 && _threads.Count == 0 ? thread : ProcessId;
        _threads.Add(new CoreThread(thread, signal, _layout.Register(status, _layout.InstructionRegister),
            _layout.Register(status, _layout.StackRegister))
        {
            RegisterBytes = status[_layout.RegistersOffset..],
        });
    }

    private void AddProcess(byte[] info)
    {
        // Two 32-bit layouts exist: user ids have 16 or 32 bits.
        (int ids, bool isWide, int name) = info.Length switch
        {
            >= 136 => (16, true, 40),
            >= 128 => (8, true, 32),
            >= 124 => (8, false, 28),
            _ => (-1, false, 0),
        };
        if (ids < 0)
        {
            return;
        }

        int numbers = ids + (isWide ? 8 : 4);
        UserId = isWide ? (uint)_layout.Int32(info, ids) : (ushort)_layout.Int16(info, ids);
        GroupId = isWide ? (uint)_layout.Int32(info, ids + 4) : (ushort)_layout.Int16(info, ids + 2);
        ProcessId = _layout.Int32(info, numbers);
        ParentId = _layout.Int32(info, numbers + 4);
        Name = TextAt(info.AsSpan(name, 16));
        CommandLine = TextAt(info.AsSpan(name + 16, 80)).TrimEnd(' ');
    }

    private static string TextAt(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end >= 0 ? field[..end] : field);
    }

    private CoreMappedFile[] ReadFiles(byte[] content)
    {
        int word = _layout.WordBytes;
        if (content.Length < 2 * word)
        {
            return [];
        }

        ulong count = _layout.Word(content, 0), pageBytes = _layout.Word(content, word);
        if (count > (ulong)(content.Length - 2 * word) / (ulong)(3 * word))
        {
            return [];
        }

        List<CoreMappedFile> files = new((int)count);
        ReadOnlySpan<byte> names = content.AsSpan((2 + 3 * (int)count) * word);
        for (int index = 0; index < (int)count; index++)
        {
            int at = (2 + 3 * index) * word;
            int end = names.IndexOf((byte)0);
            if (end < 0)
            {
                break;
            }

            ulong start = _layout.Word(content, at), stop = _layout.Word(content, at + word);
            if (start < stop)
            {
                files.Add(new CoreMappedFile(
                    start, stop, unchecked(_layout.Word(content, at + 2 * word) * pageBytes), names[..end].ToArray()));
            }

            names = names[(end + 1)..];
        }

        files.Sort((left, right) => left.Start.CompareTo(right.Start));
        return [.. files];
    }

    /// <summary>Where a machine's core has its fields.</summary>
    private sealed record Layout(
        ElfFormat Format, int ThreadOffset, int RegistersOffset, int RegisterBytes, int InstructionRegister,
        int StackRegister)
    {
        public int WordBytes => Format.Is64Bit ? 8 : 4;

        /// <summary>Offset of the address of a fault in siginfo.</summary>
        public int FaultOffset => Format.Is64Bit ? 16 : 12;

        public static Layout Of(ElfFormat format, ElfMachine machine) => (machine, format.Is64Bit) switch
        {
            (ElfMachine.X64, true) => new Layout(format, 32, 112, 8, 16, 19),
            // x32: the registers of 64 bits.
            (ElfMachine.X64, false) => new Layout(format, 24, 72, 8, 16, 19),
            (ElfMachine.X86, false) => new Layout(format, 24, 72, 4, 12, 15),
            (ElfMachine.Arm64, true) => new Layout(format, 32, 112, 8, 32, 31),
            (ElfMachine.Arm, false) => new Layout(format, 24, 72, 4, 15, 13),
            // The registers of other machines are not interpreted.
            (_, true) => new Layout(format, 32, 112, 8, -1, -1),
            _ => new Layout(format, 24, 72, 4, -1, -1),
        };

        public int Int16(byte[] bytes, int at) => Format.IsBigEndian
            ? BinaryPrimitives.ReadInt16BigEndian(bytes.AsSpan(at))
            : BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(at));

        public int Int32(byte[] bytes, int at) => Format.IsBigEndian
            ? BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at))
            : BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));

        /// <summary>Returns words as a little-endian machine has them.</summary>
        public byte[] LittleEndian(byte[] words)
        {
            for (int at = 0; Format.IsBigEndian && at + WordBytes <= words.Length; at += WordBytes)
            {
                Array.Reverse(words, at, WordBytes);
            }

            return words;
        }

        public ulong Word(byte[] bytes, int at) => Number(bytes, at, WordBytes);

        public ulong? Register(byte[] status, int register)
        {
            int at = RegistersOffset + register * RegisterBytes;
            return register < 0 || at + RegisterBytes > status.Length ? null : Number(status, at, RegisterBytes);
        }

        private ulong Number(byte[] bytes, int at, int size) => (size, Format.IsBigEndian) switch
        {
            (8, false) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at)),
            (8, true) => BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(at)),
            (_, false) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)),
            _ => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at)),
        };
    }
}

/// <summary>A thread in a core.</summary>
/// <param name="ThreadId">Its id.</param>
/// <param name="Signal">The signal that it received last; 0: none.</param>
/// <param name="InstructionPointer">Address of its next instruction; null where the processor is unknown.</param>
/// <param name="StackPointer">Its stack pointer; null where the processor is unknown.</param>
public sealed record CoreThread(int ThreadId, int Signal, ulong? InstructionPointer, ulong? StackPointer)
{
    /// <summary>The general registers in the kernel's layout, and what follows them in the note.</summary>
    internal byte[] RegisterBytes { get; init; } = [];
}

/// <summary>A mapped file in a core.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address after the mapping.</param>
/// <param name="Offset">Offset in the file in bytes.</param>
/// <param name="Path">The bytes of its path.</param>
internal sealed record CoreMappedFile(ulong Start, ulong End, ulong Offset, byte[] Path);

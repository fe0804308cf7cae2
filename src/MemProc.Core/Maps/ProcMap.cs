using MemProc.Interop;

namespace MemProc;

/// <summary>One mapping (VMA) of a process, as <c>/proc/PID/maps</c> shows it.</summary>
public class ProcMap : ProcessOutput
{
    private readonly uint _major;
    private readonly uint _minor;
    private readonly VmaPermissions _permissions;

    internal ProcMap(ProcessIdentity process, int? index, in MapRecord fields, in MapName name)
    {
        Process = process;
        Index = index;
        Start = fields.Start;
        End = fields.End;
        Offset = fields.Offset;
        Inode = fields.Inode;
        _permissions = fields.Permissions;
        _major = fields.DeviceMajor;
        _minor = fields.DeviceMinor;
        RawPath = name.RawPath;
        Path = name.Path;
        IsDeleted = name.IsDeleted;
        Kind = name.Kind;
    }

    /// <summary>Copies a mapping, for a derived type.</summary>
    private protected ProcMap(ProcMap map)
    {
        Process = map.Process;
        Index = map.Index;
        Start = map.Start;
        End = map.End;
        Offset = map.Offset;
        Inode = map.Inode;
        _permissions = map._permissions;
        _major = map._major;
        _minor = map._minor;
        RawPath = map.RawPath;
        Path = map.Path;
        IsDeleted = map.IsDeleted;
        Kind = map.Kind;
    }

    /// <summary>Index in the list, from 0; null where the mapping was found by address.</summary>
    public int? Index { get; }

    /// <summary>First address.</summary>
    public ulong Start { get; }

    /// <summary><see cref="Start"/> in hex.</summary>
    public string StartHex => HexText.Of(Start);

    /// <summary>First address after the mapping.</summary>
    public ulong End { get; }

    /// <summary><see cref="End"/> in hex.</summary>
    public string EndHex => HexText.Of(End);

    /// <summary>Size in bytes.</summary>
    public ulong SizeBytes => End - Start;

    /// <summary>The four letters: <c>r-xp</c>.</summary>
    public string Permissions => string.Create(4, _permissions, static (letters, permissions) =>
    {
        letters[0] = permissions.HasFlag(VmaPermissions.Read) ? 'r' : '-';
        letters[1] = permissions.HasFlag(VmaPermissions.Write) ? 'w' : '-';
        letters[2] = permissions.HasFlag(VmaPermissions.Execute) ? 'x' : '-';
        letters[3] = permissions.HasFlag(VmaPermissions.Shared) ? 's' : 'p';
    });

    /// <summary>Readable.</summary>
    public bool IsReadable => _permissions.HasFlag(VmaPermissions.Read);

    /// <summary>Writable.</summary>
    public bool IsWritable => _permissions.HasFlag(VmaPermissions.Write);

    /// <summary>Executable.</summary>
    public bool IsExecutable => _permissions.HasFlag(VmaPermissions.Execute);

    /// <summary>Shared: writes reach the file, or the other processes that share the mapping.</summary>
    public bool IsShared => _permissions.HasFlag(VmaPermissions.Shared);

    /// <summary>Offset in the file in bytes.</summary>
    public ulong Offset { get; }

    /// <summary><see cref="Offset"/> in hex.</summary>
    public string OffsetHex => HexText.Of(Offset);

    /// <summary>Device of the file, <c>major:minor</c> in hex: <c>fd:00</c>.</summary>
    public string Device => $"{_major:x2}:{_minor:x2}";

    /// <summary>Device of the file as numbers.</summary>
    internal (uint Major, uint Minor) DeviceNumbers => (_major, _minor);

    /// <summary>Inode of the file; 0 without a file, and where a core does not have it.</summary>
    public ulong Inode { get; }

    /// <summary>
    /// Path of the file or the kernel's name for the mapping, without the suffix of a deleted file; empty for anonymous
    /// memory. A byte that is not UTF-8 is the lone surrogate U+DC80 to U+DCFF, so that the path still opens the file.
    /// </summary>
    public string Path { get; }

    /// <summary>
    /// The path as the kernel writes it: <c>\012</c> for a newline, <c> (deleted)</c> at the end. Bytes that are not UTF-8
    /// are as in <see cref="Path"/>.
    /// </summary>
    public string RawPath { get; }

    /// <summary>The file was unlinked, or replaced by another file.</summary>
    public bool IsDeleted { get; }

    /// <summary>Kind of the mapping.</summary>
    public ProcMapKind Kind { get; }

    /// <summary>The process that it belongs to.</summary>
    internal override ProcessIdentity Process { get; }

    /// <summary>Whether the mapping can show a part of an ELF image. Devices are never read to find out.</summary>
    internal bool CanContainElf => Kind == ProcMapKind.Vdso
        || (Kind is ProcMapKind.File or ProcMapKind.SharedMemory && (Inode != 0 || Process.CorePath is not null));

    /// <summary>Returns the bytes of <see cref="Path"/>, which need not be UTF-8.</summary>
    public byte[] GetPathBytes() => PathText.Encode(Path);

    /// <summary>Whether a status is that of the file, by the device and the inode that the list of mappings has.</summary>
    internal bool IsOf(in FileStatus status) =>
        Inode == status.Inode && _major == status.DeviceMajor && _minor == status.DeviceMinor;

    /// <summary>Whether a device is that of the file.</summary>
    internal bool IsOn((uint Major, uint Minor)? device) => device == (_major, _minor);

    /// <summary>The file or the kind, and the permissions, for messages: <c>libc.so.6 r-xp</c>, <c>anonymous rw-p</c>.</summary>
    internal string Label
    {
        get
        {
            string name = Path.Length == 0 ? "anonymous" : Path[0] == '/' ? System.IO.Path.GetFileName(Path) : Path;
            return $"{SafeText.Escape(name)}{(IsDeleted ? " (deleted)" : string.Empty)} {Permissions}";
        }
    }

    /// <summary>Whether an address is in the mapping.</summary>
    internal bool Contains(ulong address) => Start <= address && address < End;

    /// <summary>
    /// Whether two mappings show the same bytes of the same file at the same address; their ends can differ.
    /// </summary>
    internal bool ShowsSameAs(ProcMap other) => Start == other.Start && Offset == other.Offset && Inode == other.Inode
        && _major == other._major && _minor == other._minor && RawPath == other.RawPath;

    /// <summary>Whether nothing has changed between two reads of a mapping.</summary>
    internal bool IsSameAs(ProcMap other) =>
        ShowsSameAs(other) && End == other.End && _permissions == other._permissions;

    /// <summary>The line as <c>/proc/PID/maps</c> has it, without the padding before the path.</summary>
    public override string ToString() => RawPath.Length == 0
        ? $"{Start:x8}-{End:x8} {Permissions} {Offset:x8} {Device} {Inode}"
        : $"{Start:x8}-{End:x8} {Permissions} {Offset:x8} {Device} {Inode} {SafeText.Escape(RawPath)}";
}

/// <summary>The numeric fields of a mapping, from a line of maps or from PROCMAP_QUERY.</summary>
internal readonly record struct MapRecord(
    ulong Start,
    ulong End,
    VmaPermissions Permissions,
    ulong Offset,
    uint DeviceMajor,
    uint DeviceMinor,
    ulong Inode)
{
    /// <summary>Whether a status is that of the file, by device and inode.</summary>
    public bool IsOf(in FileStatus status) =>
        Inode == status.Inode && DeviceMajor == status.DeviceMajor && DeviceMinor == status.DeviceMinor;

    public static MapRecord From(in MapsLine line) => new(
        line.Start, line.End, line.Permissions, line.Offset, line.DeviceMajor, line.DeviceMinor, line.Inode);

    public static MapRecord From(in ProcMapQueryArgument answer) => new(
        answer.VmaStart, answer.VmaEnd, (VmaPermissions)answer.VmaFlags & (VmaPermissions)0xf, answer.VmaOffset,
        answer.DeviceMajor, answer.DeviceMinor, answer.Inode);
}

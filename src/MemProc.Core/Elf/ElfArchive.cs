using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// A static library: an archive of object files in the format of ar(5), with the long names of GNU or BSD. Sizes and
/// offsets are checked against the file before they are used.
/// </summary>
public sealed class ElfArchive
{
    private const int MagicBytes = 8;
    private const int HeaderBytes = 60;

    private static readonly byte[] Magic = "!<arch>\n"u8.ToArray();
    private static readonly byte[] ThinMagic = "!<thin>\n"u8.ToArray();

    private readonly ElfSource _source;
    private byte[] _longNames = [];

    private ElfArchive(ElfSource source, bool isThin) => (_source, IsThin) = (source, isThin);

    /// <summary>The archive has only the names of its members, which are files of their own.</summary>
    public bool IsThin { get; }

    /// <summary>Returns the archive that a file is; null where it is none.</summary>
    /// <param name="source">The bytes of the file, which stay the caller's.</param>
    /// <exception cref="MemProcException">ReadElf: it cannot be read.</exception>
    public static ElfArchive? TryRead(ElfSource source)
    {
        Span<byte> start = stackalloc byte[MagicBytes];
        return source.Read(0, start) < MagicBytes ? null
            : start.SequenceEqual(Magic) ? new ElfArchive(source, isThin: false)
            : start.SequenceEqual(ThinMagic) ? new ElfArchive(source, isThin: true)
            : null;
    }

    /// <summary>Returns the members in their order, without the index of symbols and the table of long names.</summary>
    /// <exception cref="MemProcException">ReadElf, ENOEXEC: a header is malformed, or a member extends past the end.</exception>
    public IEnumerable<ElfArchiveMember> Members()
    {
        byte[] header = new byte[HeaderBytes];
        for (ulong at = MagicBytes; at < _source.Length;)
        {
            if (_source.Read(at, header) < HeaderBytes || header[58] != '`' || header[59] != '\n')
            {
                throw _source.Malformed($"the header of a member at offset 0x{at:x} is malformed");
            }

            ulong size = Number(header.AsSpan(48, 10), at);
            string name = Encoding.UTF8.GetString(header.AsSpan(0, 16)).TrimEnd(' ');
            ulong content = at + HeaderBytes;
            bool isIndex = name is "/" or "/SYM64/" or "//";
            bool isElsewhere = IsThin && !isIndex;
            if (!isElsewhere && !_source.Contains(content, size))
            {
                throw _source.Malformed($"a member at offset 0x{at:x} with {size} bytes extends past its end");
            }

            // Members are padded to even offsets.
            ulong next = isElsewhere ? content : content + size + (content + size) % 2;
            if (name == "//")
            {
                _longNames = _source.ReadExactly(content, size, "its table of names");
            }
            else if (!isIndex)
            {
                (string fullName, ulong nameBytes) = FullName(name, content, size, at);
                if (!IsBsdIndex(fullName))
                {
                    yield return new ElfArchiveMember(
                        _source, fullName, content + nameBytes, size - nameBytes, isElsewhere);
                }
            }

            at = next;
        }
    }

    /// <summary>The index of symbols has such a name in archives of BSD.</summary>
    private static bool IsBsdIndex(string name) => name is "__.SYMDEF" or "__.SYMDEF SORTED" or "__.SYMDEF_64"
        or "__.SYMDEF_64 SORTED";

    /// <summary>Returns the name of a member, and how many bytes of it come before the content.</summary>
    private (string Name, ulong Bytes) FullName(string name, ulong content, ulong size, ulong at)
    {
        const string BsdPrefix = "#1/";
        if (name.StartsWith(BsdPrefix, StringComparison.Ordinal))
        {
            ulong length = Number(Encoding.UTF8.GetBytes(name[BsdPrefix.Length..]), at);
            return length <= size && !IsThin
                ? (Encoding.UTF8.GetString(_source.ReadExactly(content, length, "the name of a member")).TrimEnd('\0'), length)
                : throw _source.Malformed($"the name of the member at offset 0x{at:x} extends past its end");
        }

        if (name.Length > 1 && name[0] == '/' && char.IsAsciiDigit(name[1]))
        {
            ulong offset = Number(Encoding.UTF8.GetBytes(name[1..]), at);
            if (offset >= (ulong)_longNames.Length)
            {
                throw _source.Malformed($"the name of the member at offset 0x{at:x} is outside the table of names");
            }

            ReadOnlySpan<byte> rest = _longNames.AsSpan((int)offset);
            int end = rest.IndexOf((byte)'\n');
            rest = rest[..Math.Min(end < 0 ? rest.Length : end, MaxNameBytes)];
            return (Encoding.UTF8.GetString(rest.EndsWith("/"u8) ? rest[..^1] : rest), 0);
        }

        return (name.EndsWith('/') ? name[..^1] : name, 0);
    }

    /// <summary>Maximum length of a name: that of a path. Entries of the table can overlap.</summary>
    private const int MaxNameBytes = 4096;

    private ulong Number(ReadOnlySpan<byte> digits, ulong at) =>
        ulong.TryParse(digits, NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw _source.Malformed($"a number in the header of the member at offset 0x{at:x} is malformed");
}

/// <summary>A member of an archive.</summary>
public sealed class ElfArchiveMember
{
    private readonly ElfSource _archive;
    private readonly ulong _offset;
    private readonly bool _isElsewhere;

    internal ElfArchiveMember(ElfSource archive, string name, ulong offset, ulong length, bool isElsewhere)
    {
        _archive = archive;
        _offset = offset;
        _isElsewhere = isElsewhere;
        Name = name;
        Length = length;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Length in bytes.</summary>
    public ulong Length { get; }

    /// <summary>Returns a file and its member as linkers write them: <c>libc.a(printf.o)</c>.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="member">The member; null, or empty as PowerShell passes null: the file itself.</param>
    public static string FullName(string path, string? member) => string.IsNullOrEmpty(member) ? path : $"{path}({member})";

    /// <summary>Opens its bytes. They are read from the archive, which must stay open.</summary>
    /// <exception cref="MemProcException">ReadElf, ENODATA: the archive is thin, and the member is a file of its own.</exception>
    public ElfSource Open() => _isElsewhere
        // The archive could name any file of the machine: its user decides which one is opened.
        ? throw new MemProcException(Operation.ReadElf, Errno.ENODATA,
            $"{SafeText.Escape(_archive.Name)} is a thin archive without the bytes of its members. Read the file "
            + $"'{SafeText.Escape(Name)}' itself.", _archive.Name)
        : new ElfMemberSource(_archive, Name, _offset, Length);
}

/// <summary>The bytes of a member of an archive.</summary>
/// <param name="archive">The archive, which stays open.</param>
/// <param name="member">Name of the member.</param>
/// <param name="offset">Offset of its first byte.</param>
/// <param name="length">Length in bytes.</param>
internal sealed class ElfMemberSource(ElfSource archive, string member, ulong offset, ulong length) : ElfSource
{
    /// <inheritdoc/>
    public override string Name => ElfArchiveMember.FullName(archive.Name, member);

    /// <inheritdoc/>
    public override string Path => archive.Path;

    /// <inheritdoc/>
    public override string? Member => member;

    /// <inheritdoc/>
    public override ulong Length => length;

    /// <inheritdoc/>
    public override int Read(ulong at, Span<byte> buffer)
    {
        if (at >= length)
        {
            return 0;
        }

        return archive.Read(offset + at, buffer[..(int)Math.Min((ulong)buffer.Length, length - at)]);
    }
}

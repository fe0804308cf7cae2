using System.Buffers.Binary;

namespace MemProc.Interop;

/// <summary>
/// The kernel's type information (BTF, <c>/sys/kernel/btf/vmlinux</c>, <c>Documentation/bpf/btf.rst</c>): sizes of
/// structures, offsets of their members, and values of enumerations. Pure: it parses bytes and opens no file.
/// </summary>
public sealed class BtfTypes
{
    private const ushort Magic = 0xeb9f;
    private const int HeaderBytes = 24;
    private const int TypeBytes = 12;

    private readonly byte[] _bytes;
    private readonly int _types;
    private readonly int _strings;
    private readonly int _stringsEnd;
    private readonly List<int> _offsets = [0];
    private readonly Dictionary<string, uint> _structures = new(StringComparer.Ordinal);
    private readonly Dictionary<string, uint> _enumerations = new(StringComparer.Ordinal);

    /// <summary>Indexes type information.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="names">Structures and enumerations to look up later.</param>
    /// <exception cref="FormatException">The bytes are not BTF, or are truncated.</exception>
    public BtfTypes(byte[] bytes, IEnumerable<string> names)
    {
        _bytes = bytes;
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt16LittleEndian(bytes) != Magic)
        {
            throw new FormatException("it is not BTF of this machine's byte order");
        }

        long header = Word(4);
        long types = header + Word(8), typesEnd = types + Word(12);
        long strings = header + Word(16), stringsEnd = strings + Word(20);
        if (typesEnd > bytes.Length || stringsEnd > bytes.Length)
        {
            throw new FormatException("the BTF is truncated");
        }

        (_types, _strings, _stringsEnd) = ((int)types, (int)strings, (int)stringsEnd);
        Index((int)typesEnd, [.. names]);
    }

    private enum Kind
    {
        Integer = 1,
        Array = 3,
        Structure = 4,
        Union = 5,
        Enumeration = 6,
        Alias = 8,
        Volatile = 9,
        Constant = 10,
        Restricted = 11,
        Parameters = 13,
        Variable = 14,
        Section = 15,
        DeclarationTag = 17,
        TypeTag = 18,
        Enumeration64 = 19,
    }

    /// <summary>Returns the size of a structure in bytes; null if the kernel does not have the structure.</summary>
    public int? SizeOf(string structure) => _structures.TryGetValue(structure, out uint id) ? (int)Size(id) : null;

    /// <summary>
    /// Returns the offset of a member in bytes; null if this kernel does not have the member. A path <c>a.b</c> descends into
    /// members that are structures; members of unnamed structures and unions are found by their own names.
    /// </summary>
    public int? OffsetOf(string structure, string path) => Find(structure, path)?.Offset;

    /// <summary>Returns the number of elements of a member that is an array; null if there is no such member.</summary>
    public int? CountOf(string structure, string path) =>
        Find(structure, path) is (_, uint type) && KindOf(type) == Kind.Array
            ? (int)Word(At(type) + TypeBytes + 8)
            : null;

    /// <summary>Returns whether a member is a structure, not a number or pointer.</summary>
    public bool IsStructure(string structure, string path) =>
        Find(structure, path) is (_, uint type) && KindOf(type) == Kind.Structure;

    /// <summary>
    /// Returns the constants of an enumeration in their order; empty if the kernel does not have the enumeration. Several
    /// can have one value.
    /// </summary>
    public IEnumerable<(string Name, uint Value)> Constants(string enumeration)
    {
        if (!_enumerations.TryGetValue(enumeration, out uint id))
        {
            yield break;
        }

        const int ConstantBytes = 8;
        int at = At(id);
        int count = (int)(Word(at + 4) & 0xffff);
        for (int index = 0; index < count; index++)
        {
            int constant = at + TypeBytes + index * ConstantBytes;
            int start = _strings + (int)Word(constant);
            ReadOnlySpan<byte> rest = start >= 0 && start < _stringsEnd ? _bytes.AsSpan(start, _stringsEnd - start) : default;
            int length = rest.IndexOf((byte)0);
            if (length > 0)
            {
                yield return (System.Text.Encoding.ASCII.GetString(rest[..length]), Word(constant + 4));
            }
        }
    }

    /// <summary>Returns the value of a constant; null if the kernel does not have it.</summary>
    public uint? ValueOf(string enumeration, string constant)
    {
        foreach ((string name, uint value) in Constants(enumeration))
        {
            if (name == constant)
            {
                return value;
            }
        }

        return null;
    }

    private (int Offset, uint Type)? Find(string structure, string path)
    {
        if (!_structures.TryGetValue(structure, out uint type))
        {
            return null;
        }

        int offset = 0;
        foreach (string member in path.Split('.'))
        {
            if (Member(type, member, depth: 0) is not (int memberOffset, uint next))
            {
                return null;
            }

            offset += memberOffset;
            type = next;
        }

        return (offset, type);
    }

    private (int Offset, uint Type)? Member(uint type, string name, int depth)
    {
        const int MaxNesting = 8;
        if (KindOf(type) is not (Kind.Structure or Kind.Union) || depth > MaxNesting)
        {
            return null;
        }

        int at = At(type);
        uint info = Word(at + 4);
        // With kind_flag the upper eight bits are the width of a bit field.
        uint mask = info >> 31 != 0 ? 0xff_ffffu : uint.MaxValue;
        for (int index = 0, member = at + TypeBytes; index < (int)(info & 0xffff); index++, member += TypeBytes)
        {
            uint nameOffset = Word(member);
            uint memberType = StripModifiers(Word(member + 4));
            int offset = (int)(Word(member + 8) & mask) / 8;
            if (nameOffset != 0)
            {
                if (IsNamed(nameOffset, name))
                {
                    return (offset, memberType);
                }
            }
            else if (Member(memberType, name, depth + 1) is (int inner, uint innerType))
            {
                return (offset + inner, innerType);
            }
        }

        return null;
    }

    /// <summary>Returns the type without typedefs and qualifiers.</summary>
    private uint StripModifiers(uint type)
    {
        const int MaxChainLength = 32;
        for (int step = 0; step < MaxChainLength && KindOf(type) is Kind.Alias or Kind.Volatile or Kind.Constant
            or Kind.Restricted or Kind.TypeTag; step++)
        {
            type = Size(type);
        }

        return type;
    }

    private void Index(int end, HashSet<string> names)
    {
        HashSet<string>.AlternateLookup<ReadOnlySpan<char>> lookup =
            names.GetAlternateLookup<ReadOnlySpan<char>>();
        Span<char> name = stackalloc char[64];
        for (int at = _types; at < end;)
        {
            if (at + TypeBytes > end)
            {
                throw new FormatException("the BTF is truncated");
            }

            uint id = (uint)_offsets.Count;
            _offsets.Add(at);
            uint info = Word(at + 4);
            int count = (int)(info & 0xffff);
            Kind kind = (Kind)(info >> 24 & 31);
            if (kind is Kind.Structure or Kind.Enumeration && TryName(Word(at), name, out int length)
                && lookup.TryGetValue(name[..length], out string? known))
            {
                (kind == Kind.Structure ? _structures : _enumerations).TryAdd(known, id);
            }

            at += TypeBytes + kind switch
            {
                Kind.Integer or Kind.Variable or Kind.DeclarationTag => 4,
                Kind.Array => 12,
                Kind.Structure or Kind.Union or Kind.Section or Kind.Enumeration64 => 12 * count,
                Kind.Enumeration or Kind.Parameters => 8 * count,
                _ => 0,
            };
            if (at > end)
            {
                throw new FormatException("the BTF is truncated");
            }
        }
    }

    private bool TryName(uint offset, Span<char> name, out int length)
    {
        length = 0;
        for (long at = _strings + offset; at < _stringsEnd && _bytes[at] != 0; at++)
        {
            if (length == name.Length)
            {
                return false;
            }

            name[length++] = (char)_bytes[at];
        }

        return length > 0;
    }

    private bool IsNamed(uint offset, string name)
    {
        long at = _strings + offset;
        return at + name.Length < _stringsEnd && _bytes[at + name.Length] == 0
            && System.Text.Ascii.Equals(_bytes.AsSpan((int)at, name.Length), name);
    }

    private Kind KindOf(uint type) => type == 0 || type >= _offsets.Count ? 0 : (Kind)(Word(At(type) + 4) >> 24 & 31);

    private uint Size(uint type) => Word(At(type) + 8);

    private int At(uint type) => _offsets[(int)type];

    private uint Word(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(offset));
}

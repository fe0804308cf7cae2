using System.Buffers.Binary;

namespace MemProc;

/// <summary>How an ELF image stores numbers.</summary>
/// <param name="Is64Bit">Addresses and offsets have 64 bits; otherwise 32.</param>
/// <param name="IsBigEndian">The most significant byte comes first.</param>
internal readonly record struct ElfFormat(bool Is64Bit, bool IsBigEndian)
{
    /// <summary>Bytes of the ELF header, of a program header, a section header, a symbol and a dynamic entry.</summary>
    public int HeaderBytes => Is64Bit ? 64 : 52;

    /// <inheritdoc cref="HeaderBytes"/>
    public int SegmentBytes => Is64Bit ? 56 : 32;

    /// <inheritdoc cref="HeaderBytes"/>
    public int SectionBytes => Is64Bit ? 64 : 40;

    /// <inheritdoc cref="HeaderBytes"/>
    public int SymbolBytes => Is64Bit ? 24 : 16;

    /// <inheritdoc cref="HeaderBytes"/>
    public int DynamicBytes => Is64Bit ? 16 : 8;
}

/// <summary>Reads the fields of a structure in order.</summary>
/// <param name="bytes">The structure; bytes after it are ignored.</param>
/// <param name="format">How numbers are stored.</param>
internal ref struct ElfFieldReader(ReadOnlySpan<byte> bytes, ElfFormat format)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Reads 8 bits.</summary>
    public byte ReadByte()
    {
        byte value = _rest[0];
        _rest = _rest[1..];
        return value;
    }

    /// <summary>Reads 16 bits.</summary>
    public ushort ReadHalf()
    {
        ushort value = format.IsBigEndian
            ? BinaryPrimitives.ReadUInt16BigEndian(_rest)
            : BinaryPrimitives.ReadUInt16LittleEndian(_rest);
        _rest = _rest[sizeof(ushort)..];
        return value;
    }

    /// <summary>Reads 32 bits.</summary>
    public uint ReadWord()
    {
        uint value = format.IsBigEndian
            ? BinaryPrimitives.ReadUInt32BigEndian(_rest)
            : BinaryPrimitives.ReadUInt32LittleEndian(_rest);
        _rest = _rest[sizeof(uint)..];
        return value;
    }

    /// <summary>Reads an address, offset or size: 64 or 32 bits, as in the image.</summary>
    public ulong ReadNative()
    {
        if (!format.Is64Bit)
        {
            return ReadWord();
        }

        ulong value = format.IsBigEndian
            ? BinaryPrimitives.ReadUInt64BigEndian(_rest)
            : BinaryPrimitives.ReadUInt64LittleEndian(_rest);
        _rest = _rest[sizeof(ulong)..];
        return value;
    }
}

using System.Text;

namespace MemProc.Tests;

/// <summary>Writes BTF (<c>Documentation/bpf/btf.rst</c>) of a few types, as a kernel describes its structures.</summary>
internal sealed class BtfBlob
{
    private readonly List<uint> _types = [];
    private readonly List<byte> _strings = [0];
    private uint _last;

    /// <summary>Adds an integer type.</summary>
    public uint Integer(string name, uint bytes) => Add(name, 1, 0, bytes, bytes * 8);

    /// <summary>Adds a pointer to void.</summary>
    public uint Pointer() => Add("", 2, 0, 0);

    /// <summary>Adds an array.</summary>
    public uint Array(uint element, uint count) => Add("", 3, 0, 0, element, element, count);

    /// <summary>Adds an enumeration.</summary>
    public uint Enumeration(string name, params (string Name, uint Value)[] constants)
    {
        // A constant is two words, not the three of a member.
        _types.AddRange([Text(name), 6u << 24 | (uint)constants.Length, 4]);
        foreach ((string constant, uint value) in constants)
        {
            _types.AddRange([Text(constant), value]);
        }

        return ++_last;
    }

    /// <summary>Adds a typedef.</summary>
    public uint Alias(string name, uint type) => Add(name, 8, 0, type);

    /// <summary>Adds a constant type.</summary>
    public uint Constant(uint type) => Add("", 10, 0, type);

    /// <summary>Adds a structure; offsets are in bytes.</summary>
    public uint Structure(string name, uint bytes, params (string Name, uint Offset, uint Type)[] members) =>
        Composite(name, 4, bytes, isBits: false, members);

    /// <summary>Adds a structure with bit fields; the upper byte of an offset is the width.</summary>
    public uint BitStructure(string name, uint bytes, params (string Name, uint Offset, uint Type)[] members) =>
        Composite(name, 4, bytes, isBits: true, members);

    /// <summary>Adds a union.</summary>
    public uint Union(string name, uint bytes, params (string Name, uint Offset, uint Type)[] members) =>
        Composite(name, 5, bytes, isBits: false, members);

    /// <summary>Returns the whole file.</summary>
    public byte[] ToBytes()
    {
        byte[] types = [.. _types.SelectMany(BitConverter.GetBytes)];
        uint[] header = [24, 0, (uint)types.Length, (uint)types.Length, (uint)_strings.Count];
        return [0x9f, 0xeb, 1, 0, .. header.SelectMany(BitConverter.GetBytes), .. types, .. _strings];
    }

    private uint Composite(
        string name, uint kind, uint bytes, bool isBits, (string Name, uint Offset, uint Type)[] members) =>
        Add(name, kind | (isBits ? 0x80u : 0), (uint)members.Length, bytes,
            [.. members.SelectMany(member => new[]
            {
                Text(member.Name), member.Type, isBits ? 3u << 24 | member.Offset * 8 : member.Offset * 8,
            })]);

    private uint Add(string name, uint kind, uint count, uint sizeOrType, params uint[] more)
    {
        _types.AddRange([Text(name), kind << 24 | count, sizeOrType, .. more]);
        return ++_last;
    }

    private uint Text(string name)
    {
        if (name.Length == 0)
        {
            return 0;
        }

        uint offset = (uint)_strings.Count;
        _strings.AddRange(Encoding.ASCII.GetBytes(name));
        _strings.Add(0);
        return offset;
    }
}

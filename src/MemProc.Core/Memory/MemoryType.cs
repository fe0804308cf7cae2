using System.Globalization;
using System.Text;

namespace MemProc;

/// <summary>
/// The type of bytes in memory as users write it: <c>int32</c>, <c>uint16be</c>, <c>char[16]</c>, <c>pointer[4]</c>,
/// <c>char*</c>.
/// </summary>
/// <remarks>
/// Names are those of <see cref="MemoryValueType"/> and of C, and are not case-sensitive. <c>char</c> is C's, one byte;
/// <c>char16</c> is that of .NET. A number in brackets makes an array; one of characters is a string that ends at its
/// first NUL, one of bytes a byte array. <c>be</c> or <c>le</c> after a name is the byte order. <c>char*</c> is a
/// pointer to a string, and is read as that string; every other <c>*</c> is a pointer.
/// </remarks>
public sealed class MemoryType
{
    /// <summary>More than any field of a struct has.</summary>
    private const int MaxSize = 64 * 1024 * 1024;

    private readonly bool _isLong;

    private MemoryType(
        MemoryValueType value, int? count, bool? isBigEndian, bool isTextPointer, bool isLong,
        int alignmentOfLong = sizeof(ulong))
    {
        _isLong = isLong;
        Alignment = MemoryValue.SizeOf(value) == sizeof(ulong) ? alignmentOfLong : MemoryValue.SizeOf(value);
        Value = value;
        Count = count;
        IsBigEndian = isBigEndian;
        IsTextPointer = isTextPointer;
    }

    /// <summary>The type of one value.</summary>
    public MemoryValueType Value { get; }

    /// <summary>Number of elements; null where it is not an array.</summary>
    public int? Count { get; }

    /// <summary>The byte order of the type; null where it has none.</summary>
    public bool? IsBigEndian { get; }

    /// <summary>It is a pointer to a NUL-terminated string, and is read as that string.</summary>
    public bool IsTextPointer { get; }

    /// <summary>It is an array of characters, and is read as a string.</summary>
    public bool IsText => Count is not null && Value is MemoryValueType.Char8 or MemoryValueType.Char16;

    /// <summary>Size in bytes.</summary>
    public int SizeBytes => (Count ?? 1) * MemoryValue.SizeOf(Value);

    /// <summary>Its alignment by a C compiler, in bytes.</summary>
    public int Alignment { get; }

    /// <summary>It is an address, and not read as the string there.</summary>
    public bool IsPointer => MemoryValue.IsPointer(Value) && !IsTextPointer;

    /// <summary>Returns the type of one value.</summary>
    public static MemoryType Of(MemoryValueType value) => new(value, null, null, isTextPointer: false, isLong: false);

    /// <summary>Returns the type of a byte array.</summary>
    /// <param name="count">Number of bytes, at least 1.</param>
    public static MemoryType Bytes(int count) => new(MemoryValueType.Byte, count, null, isTextPointer: false, isLong: false);

    /// <summary>
    /// Returns the type in programs of a data model. In 32-bit programs pointers and C's long, size_t and the like have 4
    /// bytes.
    /// </summary>
    /// <param name="model">The data model.</param>
    public MemoryType For(DataModel model)
    {
        MemoryValueType value = MemoryValue.For(Value, model);
        if (_isLong && model.PointerBytes == sizeof(uint))
        {
            value = value == MemoryValueType.Int64 ? MemoryValueType.Int32 : MemoryValueType.UInt32;
        }

        return model == DataModel.Lp64 ? this : new(value, Count, IsBigEndian, IsTextPointer, isLong: false, model.AlignmentOfInt64);
    }

    /// <summary>Parses a type.</summary>
    /// <exception cref="FormatException">The text is not a valid type.</exception>
    public static MemoryType Parse(string text)
    {
        string name = text.Trim();
        int? count = null;
        if (name.EndsWith(']') && name.IndexOf('[', StringComparison.Ordinal) is int open and >= 0)
        {
            string digits = name[(open + 1)..^1].Trim();
            count = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
                ? number
                : throw new FormatException($"'{SafeText.Escape(text)}': '{SafeText.Escape(digits)}' is not a valid number "
                    + "of elements; write [16].");
            name = name[..open].Trim();
        }

        KnownType? known = MemoryTypeName.Find(name);
        if (known is null)
        {
            throw new FormatException($"'{SafeText.Escape(text)}' is not a valid type. {MemoryTypeName.Advice}");
        }

        return (long)(count ?? 1) * MemoryValue.SizeOf(known.Value) <= MaxSize
            ? new MemoryType(known.Value, count, known.IsBigEndian, known.IsTextPointer, known.IsLong)
            : throw new FormatException($"'{SafeText.Escape(text)}' is larger than {HumanSize.Format(MaxSize)}.");
    }

    /// <summary>
    /// Decodes bytes to a number, character or bool of .NET, a <see cref="ulong"/> for a pointer, a string, a byte
    /// array, or an array of these.
    /// </summary>
    /// <param name="bytes">At least <see cref="SizeBytes"/> bytes.</param>
    /// <param name="isBigEndian">The byte order where the type has none; pointers have the machine's.</param>
    /// <param name="encoding">Encoding of strings of one-byte characters.</param>
    public object Decode(ReadOnlySpan<byte> bytes, bool isBigEndian, Encoding encoding)
    {
        bytes = bytes[..SizeBytes];
        bool isTurned = IsBigEndian ?? (MemoryValue.IsPointer(Value) ? !BitConverter.IsLittleEndian : isBigEndian);
        if (IsText)
        {
            return MemoryValue.DecodeText(bytes, Value == MemoryValueType.Char8 ? encoding
                : isTurned ? Encoding.BigEndianUnicode : Encoding.Unicode);
        }

        if (Count is not int count)
        {
            return MemoryValue.Decode(bytes, Value, isTurned);
        }

        if (Value == MemoryValueType.Byte)
        {
            return bytes.ToArray();
        }

        object[] values = new object[count];
        for (int index = 0; index < count; index++)
        {
            values[index] = MemoryValue.Decode(bytes[(index * MemoryValue.SizeOf(Value))..], Value, isTurned);
        }

        return values;
    }

    /// <summary>Formats the type as <see cref="Parse"/> accepts it.</summary>
    public override string ToString()
    {
        string name = IsTextPointer ? "char*" : Value.ToString().ToLowerInvariant();
        string order = IsBigEndian switch { true => "be", false => "le", null => string.Empty };
        return Count is int count ? $"{name}{order}[{count}]" : name + order;
    }
}

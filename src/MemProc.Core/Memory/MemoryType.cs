using System.Globalization;
using System.Text;

namespace MemProc;

/// <summary>
/// What bytes of memory are, as a person writes it: <c>int32</c>, <c>uint16be</c>, <c>char[16]</c>,
/// <c>pointer[4]</c>, <c>char*</c>.
/// </summary>
/// <remarks>
/// Names are those of <see cref="MemoryValueType"/> and of C, upper and lower case alike. <c>char</c> is C's, one byte;
/// <c>char16</c> is that of .NET. A number in brackets makes an array; one of characters is a text that ends at its
/// first NUL, one of bytes a byte array. <c>be</c> or <c>le</c> behind a name is the byte order. <c>char*</c> is a
/// pointer to a text, and is read as that text; every other <c>*</c> is a pointer.
/// </remarks>
public sealed class MemoryType
{
    /// <summary>More than any field of a struct has.</summary>
    private const int LargestSize = 64 * 1024 * 1024;

    private MemoryType(MemoryValueType value, int? count, bool? isBigEndian, bool isTextPointer)
    {
        Value = value;
        Count = count;
        IsBigEndian = isBigEndian;
        IsTextPointer = isTextPointer;
    }

    /// <summary>The type of one value.</summary>
    public MemoryValueType Value { get; }

    /// <summary>How many of them; null where it is no array.</summary>
    public int? Count { get; }

    /// <summary>The byte order that was written down; null where none was.</summary>
    public bool? IsBigEndian { get; }

    /// <summary>It is a pointer to a text that ends with a NUL, and stands for that text.</summary>
    public bool IsTextPointer { get; }

    /// <summary>It is an array of characters, and stands for a text.</summary>
    public bool IsText => Count is not null && Value is MemoryValueType.Char8 or MemoryValueType.Char16;

    /// <summary>Bytes that it takes.</summary>
    public int SizeBytes => (Count ?? 1) * MemoryValue.SizeOf(Value);

    /// <summary>What its address is a multiple of where a C compiler places it.</summary>
    public int Alignment => MemoryValue.SizeOf(Value);

    /// <summary>The type of one value.</summary>
    public static MemoryType Of(MemoryValueType value) => new(value, null, null, isTextPointer: false);

    /// <summary>Bytes as they are.</summary>
    /// <param name="count">How many, at least 1.</param>
    public static MemoryType Bytes(int count) => new(MemoryValueType.Byte, count, null, isTextPointer: false);

    /// <summary>Reads what a person wrote.</summary>
    /// <exception cref="FormatException">It is no type.</exception>
    public static MemoryType Parse(string text)
    {
        string name = text.Trim();
        int? count = null;
        if (name.EndsWith(']') && name.IndexOf('[', StringComparison.Ordinal) is int open and >= 0)
        {
            string digits = name[(open + 1)..^1].Trim();
            count = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
                ? number
                : throw new FormatException($"'{SafeText.Escape(text)}': '{SafeText.Escape(digits)}' is no number of "
                    + "elements; write [16].");
            name = name[..open].Trim();
        }

        (MemoryValueType Value, bool? IsBigEndian, bool IsTextPointer)? known = MemoryTypeName.Find(name);
        if (known is null)
        {
            throw new FormatException($"'{SafeText.Escape(text)}' is no type. {MemoryTypeName.Advice}");
        }

        return (long)(count ?? 1) * MemoryValue.SizeOf(known.Value.Value) <= LargestSize
            ? new MemoryType(known.Value.Value, count, known.Value.IsBigEndian, known.Value.IsTextPointer)
            : throw new FormatException($"'{SafeText.Escape(text)}' is larger than {HumanSize.Format(LargestSize)}.");
    }

    /// <summary>
    /// The value that bytes stand for: a number, character or bool of .NET, a <see cref="ulong"/> for a pointer, a text,
    /// a byte array, or an array of these.
    /// </summary>
    /// <param name="bytes">At least <see cref="SizeBytes"/> bytes.</param>
    /// <param name="isBigEndian">The byte order where the type itself has none; pointers keep the machine's.</param>
    /// <param name="encoding">How texts of one-byte characters are understood.</param>
    public object Decode(ReadOnlySpan<byte> bytes, bool isBigEndian, Encoding encoding)
    {
        bytes = bytes[..SizeBytes];
        bool isTurned = IsBigEndian ?? (Value == MemoryValueType.Pointer ? !BitConverter.IsLittleEndian : isBigEndian);
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

    /// <summary>The type as <see cref="Parse"/> reads it.</summary>
    public override string ToString()
    {
        string name = IsTextPointer ? "char*" : Value.ToString().ToLowerInvariant();
        string order = IsBigEndian switch { true => "be", false => "le", null => string.Empty };
        return Count is int count ? $"{name}{order}[{count}]" : name + order;
    }
}

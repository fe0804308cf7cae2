using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace MemProc;

/// <summary>Turns bytes of memory into values and back.</summary>
public static class MemoryValue
{
    /// <summary>Bytes that a value takes.</summary>
    public static int SizeOf(MemoryValueType type) => type switch
    {
        MemoryValueType.SByte or MemoryValueType.Byte => 1,
        MemoryValueType.Int16 or MemoryValueType.UInt16 => 2,
        MemoryValueType.Int32 or MemoryValueType.UInt32 or MemoryValueType.Single => 4,
        _ => 8,
    };

    /// <summary>The value that bytes stand for; a pointer is a <see cref="ulong"/>.</summary>
    /// <param name="bytes">At least <see cref="SizeOf"/> bytes.</param>
    /// <param name="type">What they are.</param>
    public static object Decode(ReadOnlySpan<byte> bytes, MemoryValueType type) => type switch
    {
        // The cast keeps the arms from being converted to their common type, double.
        MemoryValueType.SByte => (object)(sbyte)bytes[0],
        MemoryValueType.Byte => bytes[0],
        MemoryValueType.Int16 => MemoryMarshal.Read<short>(bytes),
        MemoryValueType.UInt16 => MemoryMarshal.Read<ushort>(bytes),
        MemoryValueType.Int32 => MemoryMarshal.Read<int>(bytes),
        MemoryValueType.UInt32 => MemoryMarshal.Read<uint>(bytes),
        MemoryValueType.Int64 => MemoryMarshal.Read<long>(bytes),
        MemoryValueType.Single => MemoryMarshal.Read<float>(bytes),
        MemoryValueType.Double => MemoryMarshal.Read<double>(bytes),
        _ => MemoryMarshal.Read<ulong>(bytes),
    };

    /// <summary>The values that bytes stand for, side by side.</summary>
    /// <param name="bytes">A whole number of values.</param>
    /// <param name="type">What they are.</param>
    public static IEnumerable<object> DecodeAll(byte[] bytes, MemoryValueType type)
    {
        for (int offset = 0; offset < bytes.Length; offset += SizeOf(type))
        {
            yield return Decode(bytes.AsSpan(offset), type);
        }
    }

    /// <summary>The text that bytes stand for, up to the first NUL.</summary>
    public static string DecodeText(ReadOnlySpan<byte> bytes, Encoding encoding)
    {
        string text = encoding.GetString(bytes);
        int end = text.IndexOf('\0');
        return end < 0 ? text : text[..end];
    }

    /// <summary>The bytes that stand for a value.</summary>
    /// <param name="value">
    /// A number, or the text of one: decimal, or with <c>0x</c> the bits themselves, which have to fit the type.
    /// </param>
    /// <param name="type">What the bytes shall be.</param>
    /// <exception cref="FormatException">It is no number, or a fraction where the type has none.</exception>
    /// <exception cref="OverflowException">The number does not fit the type.</exception>
    public static byte[] Encode(object value, MemoryValueType type)
    {
        if (value is string hex && hex.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return EncodeBits(hex, SizeOf(type));
        }

        return type switch
        {
            MemoryValueType.Single => BitConverter.GetBytes((float)Float(value)),
            MemoryValueType.Double => BitConverter.GetBytes(Float(value)),
            _ => EncodeInteger(Integer(value), type),
        };
    }

    private static byte[] EncodeInteger(Int128 number, MemoryValueType type)
    {
        int size = SizeOf(type);
        bool isSigned = type is MemoryValueType.SByte or MemoryValueType.Int16 or MemoryValueType.Int32
            or MemoryValueType.Int64;
        Int128 limit = Int128.One << (8 * size - (isSigned ? 1 : 0));
        return number >= (isSigned ? -limit : 0) && number < limit
            ? BitConverter.GetBytes((ulong)(UInt128)number)[..size]
            : throw new OverflowException($"{number} does not fit {type}.");
    }

    private static byte[] EncodeBits(string hex, int size)
    {
        ulong bits = ulong.Parse(hex.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return size == sizeof(ulong) || bits >> (8 * size) == 0
            ? BitConverter.GetBytes(bits)[..size]
            : throw new OverflowException($"{hex} has more than {8 * size} bits.");
    }

    private static double Float(object value) => value is string text
        ? double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture)
        : Convert.ToDouble(value, CultureInfo.InvariantCulture);

    private static Int128 Integer(object value) => value switch
    {
        string text => Int128.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture),
        double or float or decimal => Whole(Convert.ToDecimal(value, CultureInfo.InvariantCulture)),
        ulong number => number,
        _ => Convert.ToInt64(value, CultureInfo.InvariantCulture),
    };

    private static Int128 Whole(decimal number) => decimal.IsInteger(number)
        ? (Int128)number
        : throw new FormatException($"{number.ToString(CultureInfo.InvariantCulture)} is no whole number.");
}

using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace MemProc;

/// <summary>Converts bytes of memory to values and back.</summary>
public static class MemoryValue
{
    private const int MaxSize = 16;

    /// <summary>Returns the size of a value in bytes.</summary>
    public static int SizeOf(MemoryValueType type) => type switch
    {
        MemoryValueType.SByte or MemoryValueType.Byte or MemoryValueType.Bool or MemoryValueType.Char8 => 1,
        MemoryValueType.Int16 or MemoryValueType.UInt16 or MemoryValueType.Half or MemoryValueType.Char16 => 2,
        MemoryValueType.Int32 or MemoryValueType.UInt32 or MemoryValueType.Single or MemoryValueType.Pointer32 => 4,
        MemoryValueType.Int128 or MemoryValueType.UInt128 => 16,
        _ => 8,
    };

    /// <summary>Whether it is an address, of any size.</summary>
    public static bool IsPointer(MemoryValueType type) => type is MemoryValueType.Pointer or MemoryValueType.Pointer32;

    /// <summary>Returns the type in programs of a data model: a pointer has their size there.</summary>
    /// <param name="type">The type.</param>
    /// <param name="model">The data model.</param>
    public static MemoryValueType For(MemoryValueType type, DataModel model) =>
        type == MemoryValueType.Pointer && model.PointerBytes == sizeof(uint) ? MemoryValueType.Pointer32 : type;

    /// <summary>Decodes bytes in the machine's byte order; a pointer becomes a <see cref="ulong"/>.</summary>
    /// <param name="bytes">At least <see cref="SizeOf"/> bytes.</param>
    /// <param name="type">Their type.</param>
    public static object Decode(ReadOnlySpan<byte> bytes, MemoryValueType type) => type switch
    {
        // Without the cast, all arms would be converted to their common type, double.
        MemoryValueType.SByte => (object)(sbyte)bytes[0],
        MemoryValueType.Byte => bytes[0],
        MemoryValueType.Int16 => MemoryMarshal.Read<short>(bytes),
        MemoryValueType.UInt16 => MemoryMarshal.Read<ushort>(bytes),
        MemoryValueType.Int32 => MemoryMarshal.Read<int>(bytes),
        MemoryValueType.UInt32 => MemoryMarshal.Read<uint>(bytes),
        MemoryValueType.Int64 => MemoryMarshal.Read<long>(bytes),
        MemoryValueType.Int128 => MemoryMarshal.Read<Int128>(bytes),
        MemoryValueType.UInt128 => MemoryMarshal.Read<UInt128>(bytes),
        MemoryValueType.Half => MemoryMarshal.Read<Half>(bytes),
        MemoryValueType.Single => MemoryMarshal.Read<float>(bytes),
        MemoryValueType.Double => MemoryMarshal.Read<double>(bytes),
        MemoryValueType.Bool => bytes[0] != 0,
        MemoryValueType.Char8 => (char)bytes[0],
        MemoryValueType.Char16 => MemoryMarshal.Read<char>(bytes),
        MemoryValueType.Pointer32 => (ulong)MemoryMarshal.Read<uint>(bytes),
        _ => MemoryMarshal.Read<ulong>(bytes),
    };

    /// <summary>Decodes bytes in either byte order.</summary>
    /// <param name="bytes">At least <see cref="SizeOf"/> bytes.</param>
    /// <param name="type">Their type.</param>
    /// <param name="isBigEndian">The most significant byte comes first.</param>
    public static object Decode(ReadOnlySpan<byte> bytes, MemoryValueType type, bool isBigEndian)
    {
        if (isBigEndian != BitConverter.IsLittleEndian)
        {
            return Decode(bytes, type);
        }

        Span<byte> turned = stackalloc byte[MaxSize];
        turned = turned[..SizeOf(type)];
        bytes[..turned.Length].CopyTo(turned);
        turned.Reverse();
        return Decode(turned, type);
    }

    /// <summary>Decodes a string up to its first NUL.</summary>
    public static string DecodeText(ReadOnlySpan<byte> bytes, Encoding encoding)
    {
        string text = encoding.GetString(bytes);
        int end = text.IndexOf('\0');
        return end < 0 ? text : text[..end];
    }

    /// <summary>Encodes a value in the machine's byte order.</summary>
    /// <param name="value">
    /// A number, or its text: decimal, or with <c>0x</c> the bits, which must fit the type. A character, or a string of
    /// one, where the type is a character; true and false for a Bool.
    /// </param>
    /// <param name="type">The type to encode as.</param>
    /// <exception cref="FormatException">
    /// The value is not a number, or has a fraction and the type has none.
    /// </exception>
    /// <exception cref="OverflowException">The number does not fit the type.</exception>
    public static byte[] Encode(object value, MemoryValueType type)
    {
        bool isCharacter = type is MemoryValueType.Char8 or MemoryValueType.Char16;
        if (isCharacter && value is string { Length: 1 } character)
        {
            value = character[0];
        }

        if (value is string hex && hex.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return EncodeBits(hex, SizeOf(type));
        }

        return type switch
        {
            MemoryValueType.Half => BitConverter.GetBytes((Half)Float(value, type)),
            MemoryValueType.Single => BitConverter.GetBytes((float)Float(value, type)),
            MemoryValueType.Double => BitConverter.GetBytes(Float(value, type)),
            MemoryValueType.Bool when value is string text && bool.TryParse(text, out bool isTrue) =>
                BitConverter.GetBytes(isTrue),
            _ => EncodeInteger(Integer(value, type), type),
        };
    }

    /// <summary>Creates the error for what is not a number of a type.</summary>
    private static FormatException NotA(MemoryValueType type, object value) => new(value switch
    {
        string text => $"'{SafeText.ShortenMiddle(SafeText.Escape(text), 80)}' is not a valid {type}.",
        double or float or Half => string.Create(CultureInfo.InvariantCulture, $"{value} is not a valid {type}."),
        _ => $"A {value.GetType().Name} is not a number.",
    });

    private static byte[] EncodeInteger(BigInteger number, MemoryValueType type)
    {
        int bits = type == MemoryValueType.Bool ? 1 : 8 * SizeOf(type);
        bool isSigned = type is MemoryValueType.SByte or MemoryValueType.Int16 or MemoryValueType.Int32
            or MemoryValueType.Int64 or MemoryValueType.Int128;
        BigInteger limit = BigInteger.One << (isSigned ? bits - 1 : bits);
        return number >= (isSigned ? -limit : 0) && number < limit
            ? LowBytes((UInt128)(number & UInt128.MaxValue), SizeOf(type))
            : throw new OverflowException($"{number} does not fit {type}.");
    }

    private static byte[] EncodeBits(string hex, int size)
    {
        UInt128 bits = UInt128.Parse(hex.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return size == MaxSize || bits >> (8 * size) == 0
            ? LowBytes(bits, size)
            : throw new OverflowException($"{hex} has more than {8 * size} bits.");
    }

    private static byte[] LowBytes(UInt128 bits, int size)
    {
        byte[] bytes = BitConverter.GetBytes(bits);
        return BitConverter.IsLittleEndian ? bytes[..size] : bytes[^size..];
    }

    private static double Float(object value, MemoryValueType type) => value switch
    {
        string text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            ? number
            : throw NotA(type, text),
        Half number => (double)number,
        Int128 number => (double)number,
        UInt128 number => (double)number,
        BigInteger number => (double)number,
        char or DateTime or not IConvertible => throw NotA(type, value),
        _ => Convert.ToDouble(value, CultureInfo.InvariantCulture),
    };

    private static BigInteger Integer(object value, MemoryValueType type) => value switch
    {
        string text => BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out BigInteger number)
            ? number
            : throw NotA(type, text),
        double or float or Half => Float(value, type) is var number && double.IsFinite(number)
            ? double.IsInteger(number)
                ? new BigInteger(number)
                : throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{value} is not an integer."))
            : throw NotA(type, value),
        decimal number => RequireInteger(number),
        ulong number => number,
        Int128 number => number,
        UInt128 number => number,
        BigInteger number => number,
        char character => character,
        DateTime or not IConvertible => throw NotA(type, value),
        _ => Convert.ToInt64(value, CultureInfo.InvariantCulture),
    };

    private static BigInteger RequireInteger(decimal number) => decimal.IsInteger(number)
        ? new BigInteger(number)
        : throw new FormatException($"{number.ToString(CultureInfo.InvariantCulture)} is not an integer.");
}

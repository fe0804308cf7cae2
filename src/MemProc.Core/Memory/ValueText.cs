using System.Collections;
using System.Globalization;

namespace MemProc;

/// <summary>Formats values from memory as text that is safe for a terminal.</summary>
public static class ValueText
{
    /// <summary>Formats a value.</summary>
    /// <param name="value">A result of <see cref="MemoryType.Decode"/>, or null.</param>
    /// <param name="type">Its type: a pointer is formatted in hex.</param>
    public static string Format(object? value, MemoryType type) => value switch
    {
        null => "null",
        string text => SafeText.Escape(text),
        char character => SafeText.Escape(character.ToString()),
        byte[] bytes => ByteText.Preview(bytes),
        MemoryBytes bytes => ByteText.Preview(bytes),
        IEnumerable values => string.Join(", ", values.Cast<object?>().Select(item => Format(item, type))),
        IFormattable number when type.IsPointer =>
            $"0x{number.ToString("x", CultureInfo.InvariantCulture)}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => SafeText.Escape(value.ToString() ?? string.Empty),
    };
}

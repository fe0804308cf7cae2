using System.Collections;
using System.Globalization;

namespace MemProc;

/// <summary>Values from memory in words, safe for a terminal.</summary>
public static class ValueText
{
    /// <summary>A value as it is shown.</summary>
    /// <param name="value">What <see cref="MemoryType.Decode"/> gave, or null.</param>
    /// <param name="type">What it is: a pointer is shown in hex.</param>
    public static string Format(object? value, MemoryType type) => value switch
    {
        null => "null",
        string text => SafeText.Escape(text),
        char character => SafeText.Escape(character.ToString()),
        byte[] bytes => ByteText.Short(bytes),
        IEnumerable values => string.Join(", ", values.Cast<object?>().Select(item => Format(item, type))),
        IFormattable number when type.Value == MemoryValueType.Pointer && !type.IsTextPointer =>
            $"0x{number.ToString("x", CultureInfo.InvariantCulture)}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => SafeText.Escape(value.ToString() ?? string.Empty),
    };
}

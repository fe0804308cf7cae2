using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Converts arguments that come from a command line or a pipeline.</summary>
internal static class InputValues
{
    /// <summary>Returns a value without the object that PowerShell wraps around it.</summary>
    [return: NotNullIfNotNull(nameof(input))]
    public static object? Unwrap(object? input) => input is PSObject wrapped ? wrapped.BaseObject : input;

    /// <summary>Encodes numbers side by side.</summary>
    /// <exception cref="FormatException">A value is not a number.</exception>
    /// <exception cref="OverflowException">A number does not fit the type.</exception>
    public static byte[] Encode(object[] values, MemoryValueType type) =>
        [.. values.SelectMany(value => MemoryValue.Encode(Unwrap(value), type))];

    /// <summary>Returns what may be wrong where a number does not fit; an empty text for other errors.</summary>
    public static string OverflowHint(Exception error) => error is OverflowException
        ? " A 0x literal whose highest bit is set is a negative number in PowerShell: put it in quotes."
        : string.Empty;

    /// <summary>Converts each item of a list of any type, or a single value.</summary>
    public static T[] Convert<T>(object? input, Func<object?, T> convert)
    {
        object? value = Unwrap(input);
        if (value is IDictionary || LanguagePrimitives.GetEnumerable(value) is not IEnumerable items)
        {
            return [convert(input)];
        }

        // An array need not grow or be copied.
        if (items is object?[] array)
        {
            return Array.ConvertAll(array, item => convert(item));
        }

        List<T> result = new(items is ICollection counted ? counted.Count : 0);
        foreach (object? item in items)
        {
            result.Add(convert(item));
        }

        return [.. result];
    }
}

using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>What a person or a pipeline gives where several things are allowed.</summary>
internal static class Items
{
    /// <summary>The thing itself, without what PowerShell wraps around it.</summary>
    [return: NotNullIfNotNull(nameof(input))]
    public static object? Unwrap(object? input) => input is PSObject wrapped ? wrapped.BaseObject : input;

    /// <summary>Converts each of a list of whatever type, or the one thing that was given.</summary>
    public static T[] Convert<T>(object? input, Func<object?, T> convert)
    {
        object? value = Unwrap(input);
        if (value is IDictionary || LanguagePrimitives.GetEnumerable(value) is not IEnumerable items)
        {
            return [convert(input)];
        }

        List<T> result = new(items is ICollection counted ? counted.Count : 0);
        foreach (object? item in items)
        {
            result.Add(convert(item));
        }

        return [.. result];
    }
}

using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace MemProc;

/// <summary>
/// A list of an output, which cannot be changed, and whose text is its items with blanks between them, in a CSV file too:
/// <c>lru active</c>. The text of an array is the name of its type.
/// </summary>
/// <typeparam name="T">Type of the items. A <see cref="ulong"/> is an address or an offset, and its text is hex.</typeparam>
/// <param name="items">The items, which are not copied.</param>
[CollectionBuilder(typeof(OutputList), nameof(OutputList.Create))]
public sealed class OutputList<T>(IList<T> items) : ReadOnlyCollection<T>(items)
{
    /// <summary>Number of items, by the name that arrays have for it.</summary>
    public int Length => Count;

    /// <summary>Returns the items as a list; null for null.</summary>
    [return: NotNullIfNotNull(nameof(items))]
    public static implicit operator OutputList<T>?(T[]? items) => items is null ? null : new(items);

    /// <summary>Returns the items with blanks between them, or semicolons where they are objects, without control characters.</summary>
    public override string ToString() => string.Join(OutputList.Separator<T>(), this.Select(OutputList.Text));
}

/// <summary>Creates lists of outputs.</summary>
public static class OutputList
{
    /// <summary>Copies items.</summary>
    public static OutputList<T> Create<T>(ReadOnlySpan<T> items) => new(items.ToArray());

    /// <summary>Returns a value of an output, which cannot be changed: an array as a list.</summary>
    /// <param name="value">A result of <see cref="MemoryType.Decode"/>, or null.</param>
    internal static object? OfValue(object? value) => value switch
    {
        byte[] bytes => new MemoryBytes(bytes),
        object?[] items => new OutputList<object?>(items),
        _ => value,
    };

    /// <summary>Returns what is between items: the texts of objects have blanks.</summary>
    internal static string Separator<T>() =>
        typeof(T).IsPrimitive || typeof(T) == typeof(string) || typeof(T) == typeof(object) ? " " : "; ";

    /// <summary>Returns the text of an item.</summary>
    internal static string Text<T>(T item) => item switch
    {
        ulong number when typeof(T) == typeof(ulong) => HexText.Of(number),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => SafeText.Escape(item?.ToString() ?? string.Empty),
    };
}

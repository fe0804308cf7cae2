using System.Collections.ObjectModel;

namespace MemProc;

/// <summary>
/// Named numbers of an output, whose text is <c>Rss=4096 Pss=2048</c>, in a CSV file too. The text of other dictionaries is
/// the name of their type.
/// </summary>
/// <typeparam name="TKey">Type of the names.</typeparam>
/// <param name="items">The numbers, which are not copied.</param>
/// <param name="inHex">Whether the text has the numbers in hex.</param>
public sealed class OutputTable<TKey>(IDictionary<TKey, ulong> items, bool inHex = false)
    : ReadOnlyDictionary<TKey, ulong>(items)
    where TKey : notnull
{
    /// <summary>Returns the names and numbers, with blanks between them.</summary>
    public override string ToString() => string.Join(' ', this.Select(item =>
        $"{OutputList.Text(item.Key)}={(inHex ? HexText.Of(item.Value) : OutputList.Text((object)item.Value))}"));
}

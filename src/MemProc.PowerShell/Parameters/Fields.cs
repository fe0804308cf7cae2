using System.Collections;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// What an argument holds that is a hashtable, or an object of any type: one of this module, a row of a CSV file, or
/// what came back from a job, JSON or XML. Empty text counts as nothing, as rows have it.
/// </summary>
/// <param name="item">The hashtable or object.</param>
internal sealed class Fields(object item)
{
    private readonly PSObject _object = PSObject.AsPSObject(item);

    /// <summary>The value of a key or a property; null where there is none.</summary>
    public object? this[string name]
    {
        get
        {
            object? value = _object.BaseObject is IDictionary table
                ? table.Keys.OfType<string>().Where(key => Fits(key, name)).Select(key => table[key]).FirstOrDefault()
                : _object.Properties[name]?.Value;
            return value is PSObject { BaseObject: string text } ? Filled(text) : value is string bare ? Filled(bare) : value;
        }
    }

    /// <summary>A key of a hashtable that is none of these: misspelt, it would be left out without a word.</summary>
    public string? Unknown(params string[] names) => _object.BaseObject is IDictionary table
        ? table.Keys.Cast<object>().Select(key => $"{key}").FirstOrDefault(key => !names.Any(name => Fits(key, name)))
        : null;

    /// <summary>Bytes: an array, or a text of hex digits.</summary>
    /// <exception cref="FormatException">The text is none.</exception>
    /// <exception cref="PSInvalidCastException">The values are no bytes.</exception>
    public byte[]? Bytes(string name) => this[name] switch
    {
        null => null,
        string hex => ByteText.Parse(hex),
        var values => LanguagePrimitives.ConvertTo<byte[]>(values),
    };

    private static string? Filled(string text) => text.Length == 0 ? null : text;

    private static bool Fits(string key, string name) => key.Equals(name, StringComparison.OrdinalIgnoreCase);
}

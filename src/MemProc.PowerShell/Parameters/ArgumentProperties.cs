using System.Collections;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Reads the properties of an argument: a hashtable, or an object of this module, from a CSV file, a job, JSON or XML. An
/// empty text counts as null, as CSV rows have it.
/// </summary>
/// <param name="item">The hashtable or object.</param>
internal sealed class ArgumentProperties(object item)
{
    private readonly PSObject _object = PSObject.AsPSObject(item);

    /// <summary>The value of a key or property; null where there is none.</summary>
    public object? this[string name]
    {
        get
        {
            object? value = _object.BaseObject is IDictionary table
                ? table.Keys.OfType<string>().Where(key => Matches(key, name)).Select(key => table[key]).FirstOrDefault()
                : _object.Properties[name]?.Value;
            return value is PSObject { BaseObject: string text } ? Filled(text) : value is string bare ? Filled(bare) : value;
        }
    }

    /// <summary>Returns a key of a hashtable that is not one of these, so that a misspelled one is not ignored silently.</summary>
    public string? Unknown(params string[] names) => _object.BaseObject is IDictionary table
        ? table.Keys.Cast<object>().Select(key => $"{key}").FirstOrDefault(key => !names.Any(name => Matches(key, name)))
        : null;

    /// <summary>Returns bytes: an array, or a text of hex digits.</summary>
    /// <exception cref="FormatException">The text is not valid.</exception>
    /// <exception cref="PSInvalidCastException">The values are not bytes.</exception>
    public byte[]? Bytes(string name) => this[name] switch
    {
        null => null,
        string hex => ByteText.Parse(hex),
        var values => LanguagePrimitives.ConvertTo<byte[]>(values),
    };

    private static string? Filled(string text) => text.Length == 0 ? null : text;

    private static bool Matches(string key, string name) => key.Equals(name, StringComparison.OrdinalIgnoreCase);
}

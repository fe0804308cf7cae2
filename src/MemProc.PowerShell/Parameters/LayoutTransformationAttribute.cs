using System.Collections;
using System.Collections.Specialized;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Makes a layout of a struct as C writes it, or of a table of names and types: <c>@{ pid = 'int32@0' }</c>.
/// </summary>
public sealed class LayoutTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Make(object? given) => given switch
    {
        MemoryLayout layout => layout,
        IDictionary table => MemoryLayout.Create(Fields(table), table is IOrderedDictionary),
        _ => MemoryLayout.Parse(LanguagePrimitives.ConvertTo<string>(given)),
    };

    private static IEnumerable<KeyValuePair<string, string>> Fields(IDictionary table)
    {
        foreach (DictionaryEntry entry in table)
        {
            yield return new(LanguagePrimitives.ConvertTo<string>(entry.Key),
                LanguagePrimitives.ConvertTo<string>(entry.Value) ?? string.Empty);
        }
    }
}

using System.Collections;
using System.Collections.Specialized;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Makes a layout of a struct as C writes it, or of a table of names and types: <c>@{ pid = 'int32@0' }</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LayoutTransformationAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        try
        {
            return value switch
            {
                MemoryLayout layout => layout,
                IDictionary table => MemoryLayout.Create(Fields(table), table is IOrderedDictionary),
                _ => MemoryLayout.Parse(LanguagePrimitives.ConvertTo<string>(value)),
            };
        }
        catch (FormatException error)
        {
            throw new ArgumentTransformationMetadataException(error.Message, error);
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Fields(IDictionary table)
    {
        foreach (DictionaryEntry entry in table)
        {
            yield return new(LanguagePrimitives.ConvertTo<string>(entry.Key),
                LanguagePrimitives.ConvertTo<string>(entry.Value) ?? string.Empty);
        }
    }
}

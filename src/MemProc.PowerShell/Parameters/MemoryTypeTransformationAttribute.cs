using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Makes a type of memory of its name: Int32, <c>char[16]</c>.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class MemoryTypeTransformationAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        try
        {
            return value switch
            {
                MemoryType type => type,
                MemoryValueType type => MemoryType.Of(type),
                _ => MemoryType.Parse(LanguagePrimitives.ConvertTo<string>(value)),
            };
        }
        catch (FormatException error)
        {
            throw new ArgumentTransformationMetadataException(error.Message, error);
        }
    }
}

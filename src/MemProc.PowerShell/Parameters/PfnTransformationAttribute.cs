using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Makes frame numbers of numbers and text, hex or decimal as addresses are. A page without a frame (null, as a
/// swapped or hidden page has it) is no frame number and is left out.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PfnTransformationAttribute : ArgumentTransformationAttribute
{
    public override bool TransformNullOptionalParameters => true;

    public override object Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        return value switch
        {
            ulong number => new[] { number },
            ulong[] numbers => numbers,
            object?[] many => many.Where(item => item is not null).Select(item => Convert(item!)).ToArray(),
            null => Array.Empty<ulong>(),
            _ => new[] { Convert(value) },
        };
    }

    private static ulong Convert(object item)
    {
        object value = item is PSObject wrapped ? wrapped.BaseObject : item;
        try
        {
            return value is string text ? FrameTables.ParsePfn(text) : LanguagePrimitives.ConvertTo<ulong>(value);
        }
        catch (Exception error) when (error is FormatException or PSInvalidCastException)
        {
            throw new ArgumentTransformationMetadataException(error.Message, error);
        }
    }
}

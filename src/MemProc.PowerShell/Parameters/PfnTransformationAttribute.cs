using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Makes ranges of frames of numbers and text, hex or decimal as addresses are, and <c>first..last</c>. A page without
/// a frame (null, as a swapped or hidden page has it) is no frame number and is left out.
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
            PfnRange[] ranges => ranges,
            ulong[] numbers => Array.ConvertAll(numbers, number => new PfnRange(number)),
            object?[] many => many.Where(item => item is not null).Select(item => Convert(item!)).ToArray(),
            null => Array.Empty<PfnRange>(),
            _ => new[] { Convert(value) },
        };
    }

    private static PfnRange Convert(object item)
    {
        object value = item is PSObject wrapped ? wrapped.BaseObject : item;
        try
        {
            return value switch
            {
                PfnRange range => range,
                string text => PfnRange.Parse(text),
                _ => new PfnRange(LanguagePrimitives.ConvertTo<ulong>(value)),
            };
        }
        catch (Exception error) when (error is FormatException or PSInvalidCastException)
        {
            throw new ArgumentTransformationMetadataException(error.Message, error);
        }
    }
}

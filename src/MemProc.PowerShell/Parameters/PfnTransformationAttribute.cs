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

    public override object Transform(EngineIntrinsics engineIntrinsics, object? inputData) =>
        Items.Convert<PfnRange?>(inputData, Convert).OfType<PfnRange>().ToArray();

    private static PfnRange? Convert(object? item)
    {
        object? value = Items.Unwrap(item);
        try
        {
            return value switch
            {
                null => null,
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

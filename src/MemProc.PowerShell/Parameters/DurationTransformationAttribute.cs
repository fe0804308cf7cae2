using System.Globalization;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Makes a span of time of a number of milliseconds or a text such as <c>2s</c>; PowerShell alone would take a number
/// for ticks of 100 ns.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DurationTransformationAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        try
        {
            return value is TimeSpan span
                ? span
                : Duration.Parse(Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty);
        }
        catch (FormatException error)
        {
            throw new ArgumentTransformationMetadataException(error.Message, error);
        }
    }
}

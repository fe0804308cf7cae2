using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Makes an address of whatever a person or a pipeline gives: numbers (a <c>0x</c> literal from 2^63 on arrives
/// negative), text, and objects with an Address or a Start.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class AddressTransformationAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        Items.Convert(inputData, Convert);

    /// <summary>One address.</summary>
    /// <exception cref="ArgumentTransformationMetadataException">It is none.</exception>
    internal static ProcAddress Convert(object? input)
    {
        object? value = Items.Unwrap(input);
        try
        {
            return value switch
            {
                ProcAddress address => address,
                string text => ProcAddress.Parse(text),
                _ when Literal.TryAddress(value, out ulong number) => ProcAddress.FromNumber(number),
                _ => FromObject(input),
            };
        }
        catch (Exception error) when (error is FormatException or OverflowException)
        {
            throw new ArgumentTransformationMetadataException(error.Message, error);
        }
    }

    private static ProcAddress FromObject(object? input)
    {
        if (input is not null)
        {
            PSObject item = PSObject.AsPSObject(input);
            object? start = (item.Properties["Address"] ?? item.Properties["Start"])?.Value;
            object? length = (item.Properties["Length"] ?? item.Properties["SizeBytes"])?.Value;
            if (start is not null)
            {
                ulong? bytes = length is null ? null : LanguagePrimitives.ConvertTo<ulong>(length);
                return ProcAddress.FromNumber(LanguagePrimitives.ConvertTo<ulong>(start), bytes);
            }
        }

        throw new ArgumentTransformationMetadataException(
            "An address is a number, a text such as 0x7ffd2de47000, or an object with an Address or a Start.");
    }
}

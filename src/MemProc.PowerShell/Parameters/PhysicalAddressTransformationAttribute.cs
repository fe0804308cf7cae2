using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Makes physical addresses of numbers and text, and of objects with a PhysicalAddress (pages, frames) or, where they
/// have none, a Start (ranges). An Address is none: that is where a process has a page.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PhysicalAddressTransformationAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        Items.Convert(inputData, Convert);

    private static ulong Convert(object? input)
    {
        object? value = Items.Unwrap(input);
        try
        {
            return value switch
            {
                string text => PhysicalMap.ParseAddress(text),
                null => throw Refused(),
                _ when Literal.TryAddress(value, out ulong address) => address,
                _ => FromObject(input!),
            };
        }
        catch (Exception error) when (error is FormatException or OverflowException)
        {
            throw new ArgumentTransformationMetadataException(error.Message, error);
        }
    }

    private static ulong FromObject(object input)
    {
        PSObject item = PSObject.AsPSObject(input);
        return (item.Properties["PhysicalAddress"] ?? item.Properties["Start"])?.Value is object address
            ? LanguagePrimitives.ConvertTo<ulong>(address)
            : throw Refused();
    }

    private static ArgumentTransformationMetadataException Refused() => new(
        "A physical address is a number, a text such as 0xcd8c000, or an object with a PhysicalAddress that the kernel "
        + "has not hidden.");
}

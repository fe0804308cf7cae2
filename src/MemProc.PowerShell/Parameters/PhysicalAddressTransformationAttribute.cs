using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Converts numbers, texts, and objects with a PhysicalAddress (pages, frames) or else a Start (ranges) to physical
/// addresses. An Address is not one: it is where a process has a page.
/// </summary>
public sealed class PhysicalAddressTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Parse(object? input) => InputValues.Convert(input, Convert);

    /// <summary>Converts one physical address.</summary>
    /// <exception cref="FormatException">It is not valid.</exception>
    internal static ulong Convert(object? input)
    {
        object? value = InputValues.Unwrap(input);
        return value switch
        {
            string text => PhysicalMap.ParseAddress(text),
            null => throw Refused(),
            _ when Literal.TryAddress(value, out ulong address) => address,
            _ => FromObject(input!),
        };
    }

    private static ulong FromObject(object input)
    {
        PSObject item = PSObject.AsPSObject(input);
        return (item.Properties["PhysicalAddress"] ?? item.Properties["Start"])?.Value is object address
            ? LanguagePrimitives.ConvertTo<ulong>(address)
            : throw Refused();
    }

    private static FormatException Refused() => new(
        "A physical address is a number, a text such as 0xcd8c000, or an object with a PhysicalAddress that the kernel "
        + "does not hide.");
}

/// <summary>
/// Converts physical addresses to the frames that contain them, as <see cref="PhysicalAddressTransformationAttribute"/>
/// takes them, or as a text <c>first..last</c>.
/// </summary>
public sealed class PhysicalFrameTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Parse(object? input) => InputValues.Convert(input, item => InputValues.Unwrap(item) switch
    {
        PfnRange range => range,
        string text => PfnRange.ParsePhysicalAddress(text),
        _ => PfnRange.OfPhysicalAddress(PhysicalAddressTransformationAttribute.Convert(item)),
    });
}

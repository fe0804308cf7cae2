using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Converts numbers (a <c>0x</c> literal from 2^63 on is negative), texts, and objects with an Address or a Start to
/// addresses.
/// </summary>
public sealed class AddressTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Parse(object? input) => InputValues.Convert(input, Convert);

    /// <summary>Converts one address.</summary>
    /// <exception cref="FormatException">It is not valid.</exception>
    /// <exception cref="OverflowException">It is negative, and not from a hex literal.</exception>
    internal static AddressExpression Convert(object? input)
    {
        object? value = InputValues.Unwrap(input);
        return value switch
        {
            AddressExpression address => address,
            string text => AddressExpression.Parse(text),
            // Of the pipeline, in large numbers: their properties are found faster without PowerShell.
            ProcMap map => AddressExpression.FromNumber(map.Start, map.SizeBytes),
            PageMapEntry page => AddressExpression.FromNumber(page.Address, page.Length),
            _ when Literal.TryAddress(value, out ulong number) => AddressExpression.FromNumber(number),
            _ => FromObject(input),
        };
    }

    private static AddressExpression FromObject(object? input)
    {
        if (input is not null)
        {
            PSObject item = PSObject.AsPSObject(input);
            object? start = (item.Properties["Address"] ?? item.Properties["Start"])?.Value;
            object? length = (item.Properties["Length"] ?? item.Properties["SizeBytes"])?.Value;
            if (start is not null)
            {
                ulong? bytes = length is null ? null : LanguagePrimitives.ConvertTo<ulong>(length);
                return AddressExpression.FromNumber(LanguagePrimitives.ConvertTo<ulong>(start), bytes);
            }
        }

        throw new FormatException(
            "An address is a number, a text such as 0x7ffd2de47000, or an object with an Address or a Start.");
    }
}

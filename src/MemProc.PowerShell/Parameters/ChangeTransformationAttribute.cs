using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>
/// Converts hashtables or objects to writes: <c>Address</c>, one of <c>Bytes</c>, <c>Text</c> (with <c>Encoding</c>) and
/// <c>Value</c> (with <c>Type</c>), and <c>Expected</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ChangeTransformationAttribute : ArgumentTransformationAttribute
{
    private static readonly string[] Keys = ["Address", "Start", "Bytes", "Text", "Encoding", "Value", "Type", "Expected"];

    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        int number = 0;
        return InputValues.Convert(inputData, item => Convert(item!, ++number));
    }

    private static UnresolvedWrite Convert(object item, int number)
    {
        if (item is UnresolvedWrite done)
        {
            return done;
        }

        try
        {
            ArgumentProperties fields = new(item);
            if (fields.Unknown(Keys) is string key)
            {
                throw new FormatException($"'{key}' is not a valid key. Valid keys are {string.Join(", ", Keys)}.");
            }

            object address = fields["Address"] ?? fields["Start"] ?? throw new FormatException("It has no Address.");
            byte[] bytes = Payload(fields);
            return bytes.Length > 0
                ? new UnresolvedWrite(AddressTransformationAttribute.Convert(address), bytes, fields.Bytes("Expected"))
                {
                    Type = fields["Type"] is { } type ? LanguagePrimitives.ConvertTo<MemoryValueType>(type) : null,
                }
                : throw new FormatException("It has no bytes to write.");
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidCastException
            or PSInvalidCastException)
        {
            throw new ArgumentTransformationMetadataException(
                $"Change {number}: {error.Message}{InputValues.OverflowHint(error)}", error);
        }
    }

    private static byte[] Payload(ArgumentProperties fields)
    {
        object? value = fields["Value"];
        object? text = fields["Text"];
        byte[]? bytes = fields.Bytes("Bytes");
        if ((value is null ? 0 : 1) + (text is null ? 0 : 1) + (bytes is null ? 0 : 1) != 1)
        {
            throw new FormatException("Specify one of Bytes, Text and Value.");
        }

        if (value is not null != fields["Type"] is not null || (fields["Encoding"] is not null && text is null))
        {
            throw new FormatException("Value and Type require each other, and Encoding requires Text.");
        }

        if (text is not null)
        {
            Encoding encoding = fields["Encoding"] is { } name
                ? EncodingTransformationAttribute.Convert(name)
                : Encoding.UTF8;
            return encoding.GetBytes(LanguagePrimitives.ConvertTo<string>(text));
        }

        return bytes ?? InputValues.Encode(
            LanguagePrimitives.ConvertTo<object[]>(value), LanguagePrimitives.ConvertTo<MemoryValueType>(fields["Type"]));
    }
}

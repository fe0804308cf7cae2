using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>
/// Makes writes of hashtables or objects: <c>Address</c>, one of <c>Bytes</c>, <c>Text</c> (with <c>Encoding</c>) and
/// <c>Value</c> (with <c>Type</c>), and <c>Expected</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ChangeTransformationAttribute : ArgumentTransformationAttribute
{
    private static readonly string[] Keys = ["Address", "Start", "Bytes", "Text", "Encoding", "Value", "Type", "Expected"];
    private static readonly EncodingTransformationAttribute Encodings = new();

    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        int number = 0;
        return Items.Convert(inputData, item => Convert(engineIntrinsics, item!, ++number));
    }

    private static UnresolvedWrite Convert(EngineIntrinsics engine, object item, int number)
    {
        if (item is UnresolvedWrite done)
        {
            return done;
        }

        try
        {
            Fields fields = new(item);
            if (fields.Unknown(Keys) is string key)
            {
                throw new FormatException($"'{key}' is none of {string.Join(", ", Keys)}.");
            }

            object address = fields["Address"] ?? fields["Start"] ?? throw new FormatException("It has no Address.");
            byte[] bytes = Payload(engine, fields);
            return bytes.Length > 0
                ? new UnresolvedWrite(AddressTransformationAttribute.Convert(address), bytes, fields.Bytes("Expected"))
                : throw new FormatException("It has no bytes to write.");
        }
        catch (Exception error) when (error is FormatException or OverflowException or InvalidCastException
            or ArgumentTransformationMetadataException or PSInvalidCastException)
        {
            throw new ArgumentTransformationMetadataException(
                $"Change {number}: {error.Message}{TypedValues.Hint(error)}", error);
        }
    }

    private static byte[] Payload(EngineIntrinsics engine, Fields fields)
    {
        object? value = fields["Value"];
        object? text = fields["Text"];
        byte[]? bytes = fields.Bytes("Bytes");
        if ((value is null ? 0 : 1) + (text is null ? 0 : 1) + (bytes is null ? 0 : 1) != 1)
        {
            throw new FormatException("Give one of Bytes, Text and Value.");
        }

        if (value is not null != fields["Type"] is not null || (fields["Encoding"] is not null && text is null))
        {
            throw new FormatException("Value and Type go together, and Encoding goes with Text.");
        }

        if (text is not null)
        {
            Encoding encoding = fields["Encoding"] is { } name
                ? (Encoding)Encodings.Transform(engine, name)
                : Encoding.UTF8;
            return encoding.GetBytes(LanguagePrimitives.ConvertTo<string>(text));
        }

        return bytes ?? TypedValues.Encode(
            LanguagePrimitives.ConvertTo<object[]>(value), LanguagePrimitives.ConvertTo<MemoryValueType>(fields["Type"]));
    }
}

using System.Management.Automation;
using System.Text;

namespace MemProc.PowerShell;

/// <summary>Makes an encoding of one of PowerShell's names, any name that .NET knows, or a code page.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class EncodingTransformationAttribute : ArgumentTransformationAttribute
{
    /// <summary>PowerShell's own names, none of them with a byte order mark.</summary>
    internal static IReadOnlyDictionary<string, Encoding> Names { get; } =
        new Dictionary<string, Encoding>(StringComparer.OrdinalIgnoreCase)
        {
            ["ascii"] = Encoding.ASCII,
            ["latin1"] = Encoding.Latin1,
            ["utf8"] = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            ["unicode"] = new UnicodeEncoding(bigEndian: false, byteOrderMark: false),
            ["bigendianunicode"] = new UnicodeEncoding(bigEndian: true, byteOrderMark: false),
            ["utf32"] = new UTF32Encoding(bigEndian: false, byteOrderMark: false),
            ["bigendianutf32"] = new UTF32Encoding(bigEndian: true, byteOrderMark: false),
        };

    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = Items.Unwrap(inputData);
        try
        {
            return value switch
            {
                Encoding encoding => encoding,
                string name when Names.TryGetValue(name, out Encoding? encoding) => encoding,
                string name => Encoding.GetEncoding(name),
                int codePage => Encoding.GetEncoding(codePage),
                _ => throw new ArgumentException("An encoding is a name, a code page or an Encoding."),
            };
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw new ArgumentTransformationMetadataException(
                $"'{SafeText.Escape(value.ToString() ?? string.Empty)}' is no encoding. Give {string.Join(", ", Names.Keys)}, "
                + "another name that .NET knows, a code page or an Encoding.", error);
        }
    }
}

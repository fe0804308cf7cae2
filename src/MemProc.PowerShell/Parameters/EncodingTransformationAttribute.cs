using System.Text;

namespace MemProc.PowerShell;

/// <summary>Converts PowerShell's names of encodings, names that .NET knows, and code pages.</summary>
public sealed class EncodingTransformationAttribute : ValueTransformationAttribute
{
    /// <summary>PowerShell's names. None of the encodings has a byte order mark.</summary>
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

    private protected override object Parse(object? input) => Convert(input);

    /// <summary>Converts one encoding.</summary>
    /// <exception cref="FormatException">It is not valid.</exception>
    internal static Encoding Convert(object? input)
    {
        object? value = InputValues.Unwrap(input);
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
            throw new FormatException(
                $"'{SafeText.Escape(value?.ToString() ?? string.Empty)}' is not a valid encoding. Specify "
                + $"{string.Join(", ", Names.Keys)}, another name that .NET knows, a code page or an Encoding.", error);
        }
    }
}

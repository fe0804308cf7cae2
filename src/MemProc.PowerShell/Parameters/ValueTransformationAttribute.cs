using System.Collections;
using System.Collections.Specialized;
using System.Globalization;
using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>Converts an argument to the value of a parameter. One that cannot be converted is refused with the reason.</summary>
[AttributeUsage(AttributeTargets.Property)]
public abstract class ValueTransformationAttribute : ArgumentTransformationAttribute
{
    private const int MaxMessageLength = 600;

    public sealed override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        try
        {
            return Parse(inputData);
        }
        catch (Exception error) when (error is FormatException or OverflowException or PSInvalidCastException)
        {
            // The message quotes the argument, which can have any length.
            throw new ArgumentTransformationMetadataException(SafeText.ShortenMiddle(error.Message, MaxMessageLength), error);
        }
    }

    /// <summary>Converts an argument.</summary>
    /// <exception cref="FormatException">It is not valid.</exception>
    private protected abstract object Parse(object? input);
}

/// <summary>
/// Converts a number of milliseconds or a text such as <c>2s</c> to a time span. PowerShell itself takes a number for
/// ticks of 100 ns.
/// </summary>
public sealed class DurationTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Parse(object? input) => InputValues.Unwrap(input) is var value && value is TimeSpan span
        ? span
        : Duration.Parse(Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty);
}

/// <summary>Converts texts of bytes in hex, as Search-ProcessMemory takes them, and numbers to bytes.</summary>
public sealed class BytesTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Parse(object? input) => InputValues.Unwrap(input) switch
    {
        // PowerShell's own validation refuses it.
        null => null!,
        byte[] bytes => bytes,
        _ => InputValues.Convert(input, Convert).SelectMany(bytes => bytes).ToArray(),
    };

    private static byte[] Convert(object? item) => InputValues.Unwrap(item) switch
    {
        null => throw new FormatException("A byte is missing: the value is null."),
        string text => ByteText.Parse(text),
        var value => [LanguagePrimitives.ConvertTo<byte>(value)],
    };
}

/// <summary>Converts the name of a memory type: Int32, <c>char[16]</c>.</summary>
public sealed class MemoryTypeTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Parse(object? input) => InputValues.Unwrap(input) switch
    {
        MemoryType type => type,
        MemoryValueType type => MemoryType.Of(type),
        var value => MemoryType.Parse(LanguagePrimitives.ConvertTo<string>(value)),
    };
}

/// <summary>
/// Converts the layout of a struct, written as in C, or a table of names and types: <c>@{ pid = 'int32@0' }</c>.
/// </summary>
public sealed class LayoutTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Parse(object? input) => InputValues.Unwrap(input) switch
    {
        MemoryLayout layout => layout,
        IDictionary table => MemoryLayout.Create(Fields(table), table is IOrderedDictionary),
        var value => MemoryLayout.Parse(LanguagePrimitives.ConvertTo<string>(value)),
    };

    private static IEnumerable<KeyValuePair<string, string>> Fields(IDictionary table)
    {
        foreach (DictionaryEntry entry in table)
        {
            yield return new(LanguagePrimitives.ConvertTo<string>(entry.Key),
                LanguagePrimitives.ConvertTo<string>(entry.Value) ?? string.Empty);
        }
    }
}

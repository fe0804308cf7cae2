using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using MemProc.Interop;

namespace MemProc.Cli;

/// <summary>Writes a number as <c>"0x7ffd2de47000"</c>.</summary>
internal sealed class HexNumberConverter : JsonConverter<ulong>
{
    public override ulong Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) =>
        writer.WriteStringValue(ConsoleFormat.Hex(value));
}

/// <summary>Writes a number that can be null as <c>"0x7ffd2de47000"</c>.</summary>
internal sealed class NullableHexNumberConverter : JsonConverter<ulong?>
{
    public override ulong? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, ulong? value, JsonSerializerOptions options)
    {
        if (value is ulong number)
        {
            writer.WriteStringValue(ConsoleFormat.Hex(number));
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}

/// <summary>Writes addresses, each as <c>"0x7ffd2de47000"</c>.</summary>
internal sealed class HexNumbersConverter : JsonConverter<OutputList<ulong>>
{
    public override OutputList<ulong> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, OutputList<ulong> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (ulong number in value)
        {
            writer.WriteStringValue(ConsoleFormat.Hex(number));
        }

        writer.WriteEndArray();
    }
}

/// <summary>Writes registers as an object, each number as <c>"0x7ffd2de47000"</c>.</summary>
internal sealed class RegistersConverter : JsonConverter<OutputTable<string>>
{
    public override OutputTable<string> Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(
        Utf8JsonWriter writer, OutputTable<string> value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach ((string name, ulong number) in value)
        {
            writer.WriteString(name, ConsoleFormat.Hex(number));
        }

        writer.WriteEndObject();
    }
}

/// <summary>Writes bytes as hex digits, in chunks: a block of memory can be large.</summary>
internal sealed class HexBytesConverter : JsonConverter<byte[]>
{
    private const int ChunkBytes = 8 * 1024;

    public override byte[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, byte[] value, JsonSerializerOptions options)
    {
        Span<char> digits = stackalloc char[2 * ChunkBytes];
        ReadOnlySpan<byte> rest = value;
        do
        {
            ReadOnlySpan<byte> chunk = rest[..Math.Min(rest.Length, ChunkBytes)];
            rest = rest[chunk.Length..];
            Convert.TryToHexStringLower(chunk, digits, out int written);
            writer.WriteStringValueSegment(digits[..written], isFinalSegment: rest.IsEmpty);
        }
        while (!rest.IsEmpty);
    }
}

/// <summary>Writes bytes of an output like an array of bytes.</summary>
internal sealed class MemoryBytesConverter : JsonConverter<MemoryBytes>
{
    private static readonly HexBytesConverter Bytes = new();

    public override MemoryBytes Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, MemoryBytes value, JsonSerializerOptions options) =>
        Bytes.Write(writer, value, options);
}

/// <summary>
/// Writes text. A byte of a path that is not UTF-8 is written as <c>\udcff</c>, which JSON allows and other languages read
/// as that byte: Python's <c>os.fsencode</c> returns the path.
/// </summary>
internal sealed class PathTextConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options)
    {
        if (!value.AsSpan().ContainsAnyInRange('\udc80', '\udcff'))
        {
            writer.WriteStringValue(value);
            return;
        }

        JavaScriptEncoder encoder = writer.Options.Encoder!;
        StringBuilder text = new("\"");
        for (int at = 0; at < value.Length; at++)
        {
            int length = char.IsHighSurrogate(value[at]) && at + 1 < value.Length && char.IsLowSurrogate(value[at + 1]) ? 2 : 1;
            text.Append(length == 1 && PathText.IsEscape(value[at])
                ? string.Create(CultureInfo.InvariantCulture, $"\\u{(int)value[at]:x4}")
                : encoder.Encode(value.Substring(at, length)));
            at += length - 1;
        }

        writer.WriteRawValue(text.Append('"').ToString(), skipInputValidation: true);
    }

    /// <summary>Writes a key: the name of a counter or a member, which is no path.</summary>
    public override void WriteAsPropertyName(
        Utf8JsonWriter writer, [DisallowNull] string value, JsonSerializerOptions options) =>
        writer.WritePropertyName(value);
}

/// <summary>Writes an enumeration value by the name that the options accept.</summary>
internal sealed class EnumNameConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(EnumNames.Of(value));
}

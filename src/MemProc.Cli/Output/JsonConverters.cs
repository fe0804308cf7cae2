using System.Text.Json;
using System.Text.Json.Serialization;

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
internal sealed class HexNumbersConverter : JsonConverter<ulong[]>
{
    public override ulong[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, ulong[] value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (ulong number in value)
        {
            writer.WriteStringValue(ConsoleFormat.Hex(number));
        }

        writer.WriteEndArray();
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

/// <summary>Writes an enumeration value by the name that the options accept.</summary>
internal sealed class EnumNameConverter<T> : JsonConverter<T>
    where T : struct, Enum
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
        writer.WriteStringValue(EnumNames.Of(value));
}

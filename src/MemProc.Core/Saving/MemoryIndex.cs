using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using MemProc.Interop;

namespace MemProc;

/// <summary>What lies where in a folder of raw files: its <c>index.json</c>.</summary>
public sealed record MemoryIndex
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "index.json";

    /// <summary>What <see cref="Format"/> says in an index of this form.</summary>
    public const string CurrentFormat = "memproc-raw-1";

    /// <summary>Which form of an index it is.</summary>
    public string Format { get; init; } = CurrentFormat;

    /// <summary>The process id.</summary>
    public required int ProcessId { get; init; }

    /// <summary>The process' name.</summary>
    public required string ProcessName { get; init; }

    /// <summary>Start time of the process, in clock ticks after boot.</summary>
    public required ulong ProcessStartTicks { get; init; }

    /// <summary>When saving was begun.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>All threads were held meanwhile.</summary>
    public required bool IsConsistent { get; init; }

    /// <summary>The files are compressed, by gzip.</summary>
    public required bool IsCompressed { get; init; }

    /// <summary>Bytes of a page of the machine.</summary>
    public required ulong PageSizeBytes { get; init; }

    /// <summary>Bytes of memory in the files, without pages of zeros.</summary>
    public required ulong SavedBytes { get; init; }

    /// <summary>The mappings, or the parts of them that were asked for.</summary>
    public required IReadOnlyList<IndexedMapping> Mappings { get; init; }

    /// <summary>Reads an index.</summary>
    /// <param name="folder">The folder that it is in.</param>
    /// <exception cref="JsonException">It is none.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static MemoryIndex Load(string folder)
    {
        using FileStream file = File.OpenRead(Path.Combine(folder, FileName));
        MemoryIndex? index = JsonSerializer.Deserialize(file, MemoryIndexJson.Default.MemoryIndex);
        return index?.Format == CurrentFormat
            ? index
            : throw new JsonException($"{FileName} is no index of the form {CurrentFormat}.");
    }
}

/// <summary>A mapping in an index.</summary>
public sealed record IndexedMapping
{
    /// <summary>First address that was asked for.</summary>
    [JsonConverter(typeof(IndexedAddress))]
    public required ulong Start { get; init; }

    /// <summary>First address behind it.</summary>
    [JsonConverter(typeof(IndexedAddress))]
    public required ulong End { get; init; }

    /// <summary>The four letters: <c>r-xp</c>.</summary>
    public required string Permissions { get; init; }

    /// <summary>Offset of <see cref="Start"/> in the mapped file, bytes.</summary>
    public required ulong Offset { get; init; }

    /// <summary>The mapped file's device, <c>major:minor</c> in hex.</summary>
    public required string Device { get; init; }

    /// <summary>The mapped file's inode; 0 where there is none.</summary>
    public required ulong Inode { get; init; }

    /// <summary>What the mapping is.</summary>
    public required ProcMapKind Kind { get; init; }

    /// <summary>Path of the mapped file, or the kernel's name for the mapping.</summary>
    public required string Path { get; init; }

    /// <summary>The mapped file's name was gone.</summary>
    public required bool IsDeleted { get; init; }

    /// <summary>The file in the folder that has the bytes; null where none were saved.</summary>
    public string? File { get; init; }

    /// <summary>
    /// Where the bytes are. What is in neither <see cref="Saved"/> nor <see cref="Gaps"/> holds zeros.
    /// </summary>
    public required IReadOnlyList<IndexedStretch> Saved { get; init; }

    /// <summary>What is not known.</summary>
    public required IReadOnlyList<IndexedGap> Gaps { get; init; }
}

/// <summary>Bytes in a file.</summary>
/// <param name="Address">Address of the first one.</param>
/// <param name="Length">Bytes.</param>
/// <param name="FileOffset">Where they begin in the file; of a compressed one, in what it unpacks to.</param>
public sealed record IndexedStretch(
    [property: JsonConverter(typeof(IndexedAddress))] ulong Address, ulong Length, ulong FileOffset);

/// <summary>A gap in an index.</summary>
/// <param name="Address">First address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Kind">Why.</param>
/// <param name="Errno">The kernel's reason; None where it was not asked.</param>
public sealed record IndexedGap(
    [property: JsonConverter(typeof(IndexedAddress))] ulong Address, ulong Length, MemoryGapKind Kind, Errno Errno);

/// <summary>An address as <c>"0x7ffd2de47000"</c>: too large for the numbers of many a JSON reader.</summary>
internal sealed class IndexedAddress : JsonConverter<ulong>
{
    public override ulong Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is string text && text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw new JsonException("An address is a text such as 0x7ffd2de47000.");

    public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) =>
        writer.WriteStringValue($"0x{value:x}");
}

/// <summary>How an index is written and read.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(MemoryIndex))]
internal sealed partial class MemoryIndexJson : JsonSerializerContext;

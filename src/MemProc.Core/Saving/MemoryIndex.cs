using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>The index of a directory of raw files, <c>index.json</c>: which bytes are where.</summary>
public sealed record MemoryIndex
{
    /// <summary>The name of the index file.</summary>
    public const string FileName = "index.json";

    /// <summary>The value of <see cref="Format"/> that this version writes and reads.</summary>
    public const string CurrentFormat = "memproc-raw-1";

    /// <summary>Version of the index format.</summary>
    public string Format { get; init; } = CurrentFormat;

    /// <summary>The process id.</summary>
    public required int ProcessId { get; init; }

    /// <summary>The process' name.</summary>
    public required string ProcessName { get; init; }

    /// <summary>Start time of the process, in clock ticks after boot.</summary>
    public required ulong ProcessStartTicks { get; init; }

    /// <summary>When the save began.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>All threads were stopped during the save.</summary>
    public required bool IsConsistent { get; init; }

    /// <summary>The files are compressed with gzip.</summary>
    public required bool IsCompressed { get; init; }

    /// <summary>Page size of the machine in bytes.</summary>
    public required ulong PageSizeBytes { get; init; }

    /// <summary>Bytes of memory in the files, without pages of zeros.</summary>
    public required ulong SavedBytes { get; init; }

    /// <summary>The mappings, or the parts of them that were requested.</summary>
    public required IReadOnlyList<IndexedMapping> Mappings { get; init; }

    /// <summary>Reads an index.</summary>
    /// <param name="folder">The directory that holds it.</param>
    /// <exception cref="JsonException">It is not a valid index.</exception>
    /// <exception cref="IOException">It cannot be read, or is no regular file.</exception>
    public static MemoryIndex Load(string folder)
    {
        // What has this name in a directory of another user may be a link, or a FIFO that never answers.
        string path = Path.Combine(folder, FileName);
        Errno errno = Libc.TryOpenAt(
            null, path, OpenAccess.ReadNonBlocking, out SafeFileHandle? handle, followLinks: false);
        using (handle)
        {
            if (handle is null)
            {
                throw new ErrnoException($"open({path})", errno);
            }

            return Libc.TryStatX(handle, out FileStatus status) == Errno.None && status.IsRegular
                ? Parse(handle)
                : throw new IOException($"'{path}' is not a regular file.");
        }
    }

    private static MemoryIndex Parse(SafeFileHandle handle)
    {
        using FileStream file = new(handle, FileAccess.Read);
        MemoryIndex? index = JsonSerializer.Deserialize(file, MemoryIndexJson.Default.MemoryIndex);
        return index?.Format == CurrentFormat
            ? index
            : throw new JsonException($"{FileName} is not an index of the format {CurrentFormat}.");
    }
}

/// <summary>A mapping in an index.</summary>
public sealed record IndexedMapping
{
    /// <summary>First address that was requested.</summary>
    [JsonConverter(typeof(IndexedAddress))]
    public required ulong Start { get; init; }

    /// <summary>First address after it.</summary>
    [JsonConverter(typeof(IndexedAddress))]
    public required ulong End { get; init; }

    /// <summary>The permissions as in maps: <c>r-xp</c>.</summary>
    public required string Permissions { get; init; }

    /// <summary>Offset of <see cref="Start"/> in the mapped file, in bytes.</summary>
    public required ulong Offset { get; init; }

    /// <summary>The mapped file's device, <c>major:minor</c> in hex.</summary>
    public required string Device { get; init; }

    /// <summary>The mapped file's inode; 0 where no file is mapped.</summary>
    public required ulong Inode { get; init; }

    /// <summary>Kind of the mapping.</summary>
    public required ProcMapKind Kind { get; init; }

    /// <summary>Path of the mapped file, or the kernel's name for the mapping.</summary>
    public required string Path { get; init; }

    /// <summary>The bytes of the path, in base64 in the file, where they are not UTF-8; otherwise null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public byte[]? PathBytes { get; init; }

    /// <summary>The mapped file had been deleted.</summary>
    public required bool IsDeleted { get; init; }

    /// <summary>The file in the directory that holds the bytes; null where none were saved.</summary>
    public string? File { get; init; }

    /// <summary>
    /// The saved ranges. What is in neither <see cref="Saved"/> nor <see cref="Gaps"/> holds zeros.
    /// </summary>
    public required IReadOnlyList<IndexedRange> Saved { get; init; }

    /// <summary>The ranges that were not read.</summary>
    public required IReadOnlyList<IndexedGap> Gaps { get; init; }
}

/// <summary>A saved range.</summary>
/// <param name="Address">Address of the first one.</param>
/// <param name="Length">Bytes.</param>
/// <param name="FileOffset">Offset in the file; of a compressed file, in its uncompressed bytes.</param>
public sealed record IndexedRange(
    [property: JsonConverter(typeof(IndexedAddress))] ulong Address, ulong Length, ulong FileOffset);

/// <summary>A range that was not read.</summary>
/// <param name="Address">First address.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Kind">Why.</param>
/// <param name="Errno">The kernel's error; None where no read was tried.</param>
public sealed record IndexedGap(
    [property: JsonConverter(typeof(IndexedAddress))] ulong Address, ulong Length, MemoryGapKind Kind, Errno Errno);

/// <summary>Writes an address as <c>"0x7ffd2de47000"</c>, since many JSON readers round large numbers.</summary>
internal sealed class IndexedAddress : JsonConverter<ulong>
{
    public override ulong Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is string text && text.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            ? value
            : throw new JsonException("An address is a string such as 0x7ffd2de47000.");

    public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) =>
        writer.WriteStringValue($"0x{value:x}");
}

/// <summary>JSON serialization of the index.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(MemoryIndex))]
internal sealed partial class MemoryIndexJson : JsonSerializerContext;

using System.Globalization;
using System.Text.Json.Serialization;

namespace MemProc;

/// <summary>A write that was checked and has not been done yet.</summary>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Bytes">The bytes to write.</param>
/// <param name="PreviousBytes">The bytes that are there.</param>
/// <param name="Method">How it will be written.</param>
/// <param name="Maps">The mappings that will be written to.</param>
/// <param name="Expected">The bytes that must still be there when it is done; null: any.</param>
public sealed record PlannedWrite(
    ulong Address, byte[] Bytes, byte[] PreviousBytes, WriteMethod Method, IReadOnlyList<ProcMap> Maps,
    byte[]? Expected)
{
    /// <summary>Maximum number of numbers that a confirmation lists.</summary>
    private const int MaxNumbers = 8;

    /// <summary>The type of the numbers that the bytes are; null: they are shown as bytes.</summary>
    [JsonIgnore]
    public MemoryValueType? Type { get; init; }

    /// <summary>Describes where it writes, for the confirmation.</summary>
    public string Place =>
        $"{ByteText.Count(Bytes.Length)} at 0x{Address:x} of process {Maps[0].Process}{How}, mapping {MapText}";

    /// <summary>Describes which bytes become which.</summary>
    public string Change => Numbers(PreviousBytes) is string previous && Numbers(Bytes) is string now
        ? $"{previous} becomes {now}"
        : $"{ByteText.Preview(PreviousBytes)} becomes {ByteText.Preview(Bytes)}";

    /// <summary>Describes both, without the process.</summary>
    internal string Line => $"{ByteText.Count(Bytes.Length)} at 0x{Address:x}{How}, mapping {MapText}: {Change}";

    /// <summary>The process itself has no write permission there.</summary>
    internal bool IsForced => Maps.Any(map => !map.IsWritable);

    /// <summary>First address after the bytes.</summary>
    internal ulong End => Address + (ulong)Bytes.Length;

    private string How => IsForced ? ", forced through /proc/PID/mem" : string.Empty;

    private string MapText => string.Join(" and ", Maps.Select(map => map.Label));

    /// <summary>Returns bytes as numbers: <c>15012</c>; null where they are none, or too many.</summary>
    private string? Numbers(byte[] bytes)
    {
        if (Type is not MemoryValueType type || bytes.Length == 0)
        {
            return null;
        }

        int size = MemoryValue.SizeOf(type);
        return bytes.Length % size != 0 || bytes.Length / size > MaxNumbers ? null
            : string.Join(", ", bytes.Chunk(size).Select(number => Number(MemoryValue.Decode(number, type))));
    }

    private string Number(object value) => value switch
    {
        ulong pointer when MemoryValue.IsPointer(Type!.Value) => $"0x{pointer:x}",
        char character => $"'{SafeText.Escape(character.ToString())}'",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty,
    };
}

using System.Globalization;

namespace MemProc;

/// <summary>A mapping of a comparison.</summary>
public sealed class ComparedMap : ProcessOutput
{
    internal ComparedMap(
        ProcessIdentity process, ProcMap map, ulong comparedBytes, ulong changedBytes, ulong differenceCount, ulong gapBytes)
    {
        Process = process;
        Start = map.Start;
        End = map.End;
        Permissions = map.Permissions;
        Path = map.Path;
        ComparedBytes = comparedBytes;
        ChangedBytes = changedBytes;
        DifferenceCount = differenceCount;
        GapBytes = gapBytes;
    }

    /// <summary>First address.</summary>
    public ulong Start { get; }

    /// <summary><see cref="Start"/> in hex.</summary>
    public string StartHex => HexText.Of(Start);

    /// <summary>First address after the mapping.</summary>
    public ulong End { get; }

    /// <summary><see cref="End"/> in hex.</summary>
    public string EndHex => HexText.Of(End);

    /// <summary>Length in bytes.</summary>
    public ulong SizeBytes => End - Start;

    /// <summary>The four letters: <c>rw-p</c>.</summary>
    public string Permissions { get; }

    /// <summary>Path or name of the mapping.</summary>
    public string Path { get; }

    /// <summary>Bytes that were compared.</summary>
    public ulong ComparedBytes { get; }

    /// <summary>Bytes that differ.</summary>
    public ulong ChangedBytes { get; }

    /// <summary>Number of differences.</summary>
    public ulong DifferenceCount { get; }

    /// <summary>Bytes that one side lacks.</summary>
    public ulong GapBytes { get; }

    internal override ProcessIdentity Process { get; }

    /// <summary>Formats a number of places: <c>1 place</c>, <c>6 places</c>.</summary>
    public static string Places(ulong count) => count == 1 ? "1 place" : string.Create(CultureInfo.InvariantCulture, $"{count} places");

    /// <summary>Formats the mapping as a line.</summary>
    public override string ToString() => $"0x{Start:x} {Permissions} {HumanSize.Format(ChangedBytes)} of "
        + $"{HumanSize.Format(ComparedBytes)} in {Places(DifferenceCount)}"
        + (GapBytes == 0 ? string.Empty : $", {HumanSize.Format(GapBytes)} not compared")
        + (Path.Length == 0 ? string.Empty : $" {SafeText.Escape(Path)}");
}

/// <summary>What a comparison of the memory of two targets has found: how many bytes changed, and where.</summary>
public sealed class MemoryComparison : ProcessOutput
{
    internal MemoryComparison(ProcessIdentity process) => Process = process;

    /// <summary>The process after.</summary>
    internal override ProcessIdentity Process { get; }

    /// <summary>What was compared with: the path of a core, or the moment before.</summary>
    public required string Previous { get; init; }

    /// <summary>The time of what was compared with, in local time.</summary>
    public required DateTime PreviousTime { get; init; }

    /// <summary>The time of what was compared, in local time.</summary>
    public required DateTime Time { get; init; }

    /// <summary>Bytes of memory that both have.</summary>
    public required ulong ComparedBytes { get; init; }

    /// <summary>Bytes that differ.</summary>
    public required ulong ChangedBytes { get; init; }

    /// <summary>Number of differences: runs of bytes, or values.</summary>
    public required ulong DifferenceCount { get; init; }

    /// <summary>Bytes that are mapped only after.</summary>
    public required ulong AddedBytes { get; init; }

    /// <summary>Bytes that were mapped only before.</summary>
    public required ulong RemovedBytes { get; init; }

    /// <summary>Bytes that could not be compared, since the target before does not have them.</summary>
    public required ulong PreviousGapBytes { get; init; }

    /// <summary>Bytes that could not be compared, since the target after does not have them.</summary>
    public required ulong GapBytes { get; init; }

    /// <summary>The mappings with differences or gaps, in address order.</summary>
    public required OutputList<ComparedMap> Maps { get; init; }

    /// <summary>What could not be compared, in address order; at most the first 4096 ranges.</summary>
    public required OutputList<ComparisonGap> Gaps { get; init; }

    /// <summary>There are more gaps than <see cref="Gaps"/> has; the sums are of all.</summary>
    public required bool HasMoreGaps { get; init; }

    /// <summary>Formats the sums as a sentence.</summary>
    public override string ToString() => $"{Process}: {HumanSize.Format(ChangedBytes)} of {HumanSize.Format(ComparedBytes)} changed "
        + $"in {ComparedMap.Places(DifferenceCount)}";
}

/// <summary>Consecutive bytes, or a value, that differ between two targets.</summary>
public sealed class MemoryDifference : ProcessOutput
{
    private readonly ProcMap? _map;
    private readonly ResolvedAddress? _place;

    internal MemoryDifference(ProcessIdentity process, ulong address, ProcMap? map, ResolvedAddress? place)
    {
        Process = process;
        Address = address;
        _map = map;
        _place = place;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Length in bytes, the few equal bytes in between included.</summary>
    public required ulong Length { get; init; }

    /// <summary>Bytes that differ.</summary>
    public required ulong ChangedBytes { get; init; }

    /// <summary>The bytes before; of a long run the first ones.</summary>
    public required MemoryBytes PreviousBytes { get; init; }

    /// <summary>The bytes after; of a long run the first ones.</summary>
    public required MemoryBytes Bytes { get; init; }

    /// <summary>The type of the value, as <see cref="MemoryType"/> formats it; null for a run of bytes.</summary>
    public string? Type { get; init; }

    /// <summary>The field of the struct; null where it is not one.</summary>
    public string? Field { get; init; }

    /// <summary>Address of the struct; null where it is not one.</summary>
    public ulong? RecordAddress { get; init; }

    /// <summary><see cref="RecordAddress"/> in hex.</summary>
    public string? RecordAddressHex => HexText.Of(RecordAddress);

    /// <summary>The value before; null for a run of bytes.</summary>
    public object? PreviousValue { get; init => field = OutputList.OfValue(value); }

    /// <summary>The value after; null for a run of bytes.</summary>
    public object? Value { get; init => field = OutputList.OfValue(value); }

    /// <summary>Symbol and offset, or mapping and offset: <c>[heap]+0x10</c>.</summary>
    public string? Location => _place?.Location;

    /// <summary>The symbol that holds the address; null where there is none.</summary>
    public string? Symbol => _place?.Symbol;

    /// <summary>Bytes from the start of the symbol.</summary>
    public ulong? SymbolOffset => _place?.SymbolOffset;

    /// <summary><see cref="SymbolOffset"/> in hex.</summary>
    public string? SymbolOffsetHex => HexText.Of(SymbolOffset);

    /// <summary>Path or name of the mapping; null where it is gone.</summary>
    public string? Path => _map?.Path;

    /// <summary>Permissions of the mapping.</summary>
    public string? Permissions => _map?.Permissions;

    /// <summary>First address of the mapping.</summary>
    public ulong? MapStart => _map?.Start;

    /// <summary><see cref="MapStart"/> in hex.</summary>
    public string? MapStartHex => HexText.Of(MapStart);

    /// <summary>Formats the difference as a line.</summary>
    public override string ToString() => $"0x{Address:x} {HumanSize.Format(Length)} {SafeText.Escape(Location ?? Path ?? "")}: "
        + $"{ByteText.Preview(PreviousBytes)} -> {ByteText.Preview(Bytes)}";
}

namespace MemProc.Cli;

/// <summary>A text in the memory of a process.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Text">The text, unescaped.</param>
internal sealed record ReadText(int ProcessId, ulong Address, string Text);

/// <summary>A value in the memory of a process.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Address">Address of its first byte.</param>
/// <param name="Type">Its type.</param>
/// <param name="Value">The value, as it is written to JSON.</param>
internal sealed record ReadValue(int ProcessId, ulong Address, string Type, object? Value);

/// <summary>A text in physical memory.</summary>
/// <param name="PhysicalAddress">Physical address of the first byte.</param>
/// <param name="Text">The text, unescaped.</param>
internal sealed record PhysicalText(ulong PhysicalAddress, string Text);

/// <summary>A value in physical memory.</summary>
/// <param name="PhysicalAddress">Physical address of its first byte.</param>
/// <param name="Type">Its type.</param>
/// <param name="Value">The value, as it is written to JSON.</param>
internal sealed record PhysicalValue(ulong PhysicalAddress, string Type, object? Value);

/// <summary>A struct in the memory of a process.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Address">Address of its first byte.</param>
/// <param name="Layout">Its fields with their offsets.</param>
/// <param name="Fields">Name and value of each field.</param>
internal sealed record ReadRecord(int ProcessId, ulong Address, string Layout, Dictionary<string, object?> Fields)
{
    /// <summary>Converts a struct for JSON.</summary>
    public static ReadRecord Of(MemoryRecord record) => new(record.ProcessId, record.Address, record.Layout,
        record.GetFields().ToDictionary(pair => pair.Field.Name, pair => JsonValue.Of(pair.Value, pair.Field.Type)));
}

/// <summary>A change of a watched value.</summary>
internal sealed record WatchedChange(
    int ProcessId, ulong Address, string Type, DateTime Time, bool IsFirst, object? PreviousValue, object? Value,
    byte[] PreviousBytes, byte[] Bytes, MemoryGap? Gap, long? RestoreCount)
{
    /// <summary>Converts a change for JSON.</summary>
    public static WatchedChange Of(MemoryChange change, MemoryType type) => new(change.ProcessId, change.Address,
        change.Type, change.Time, change.IsFirst, JsonValue.Of(change.PreviousValue, type),
        JsonValue.Of(change.Value, type), change.PreviousBytes, change.Bytes, change.Gap,
        change.RestoreCount);
}

/// <summary>A difference between two targets.</summary>
internal sealed record ComparedValue(
    int ProcessId, string ProcessName, ulong ProcessStartTicks, string? CorePath, ulong Address, ulong Length, ulong ChangedBytes,
    byte[] PreviousBytes, byte[] Bytes, string? Type, string? Field, ulong? RecordAddress, object? PreviousValue, object? Value,
    string? Location, string? Symbol, ulong? SymbolOffset, string? Path, string? Permissions, ulong? MapStart)
{
    /// <summary>Converts a difference for JSON.</summary>
    public static ComparedValue Of(MemoryDifference difference)
    {
        MemoryType? type = difference.Type is null ? null : MemoryType.Parse(difference.Type);
        return new ComparedValue(difference.ProcessId, difference.ProcessName, difference.ProcessStartTicks, difference.CorePath,
            difference.Address, difference.Length, difference.ChangedBytes, difference.PreviousBytes, difference.Bytes,
            difference.Type, difference.Field, difference.RecordAddress,
            type is null ? null : JsonValue.Of(difference.PreviousValue, type),
            type is null ? null : JsonValue.Of(difference.Value, type), difference.Location, difference.Symbol,
            difference.SymbolOffset, difference.Path, difference.Permissions, difference.MapStart);
    }
}

/// <summary>Converts values of memory for JSON.</summary>
internal static class JsonValue
{
    /// <summary>Converts a value. A pointer becomes a text in hex: many JSON readers have no numbers of that size.</summary>
    public static object? Of(object? value, MemoryType type) => value switch
    {
        ulong pointer when type.IsPointer => ConsoleFormat.Hex(pointer),
        MemoryBytes bytes => (byte[])bytes,
        IReadOnlyList<object?> many => many.Select(item => Of(item, type)).ToArray(),
        _ => value,
    };
}

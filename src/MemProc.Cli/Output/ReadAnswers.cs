namespace MemProc.Cli;

/// <summary>A text in a process' memory.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Address">Address of the first byte.</param>
/// <param name="Text">The text, as the process has it.</param>
internal sealed record ReadText(int ProcessId, ulong Address, string Text);

/// <summary>A value in a process' memory.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Address">Address of its first byte.</param>
/// <param name="Type">What it is.</param>
/// <param name="Value">The value as JSON has it.</param>
internal sealed record ReadValue(int ProcessId, ulong Address, string Type, object? Value);

/// <summary>A struct in a process' memory.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Address">Address of its first byte.</param>
/// <param name="Layout">Its fields with their offsets.</param>
/// <param name="Fields">Name and value of each field.</param>
internal sealed record ReadRecord(int ProcessId, ulong Address, string Layout, Dictionary<string, object?> Fields)
{
    /// <summary>A struct as JSON has it.</summary>
    public static ReadRecord Of(MemoryRecord record) => new(record.ProcessId, record.Address, record.Layout,
        record.GetFields().ToDictionary(pair => pair.Field.Name, pair => JsonValue.Of(pair.Value, pair.Field.Type)));
}

/// <summary>A change of a value that is watched.</summary>
internal sealed record WatchedChange(
    int ProcessId, ulong Address, string Type, DateTime Time, bool IsFirst, object? PreviousValue, object? Value,
    byte[] PreviousBytes, byte[] Bytes, MemoryGap? Gap)
{
    /// <summary>A change as JSON has it.</summary>
    public static WatchedChange Of(MemoryChange change, MemoryType type) => new(change.ProcessId, change.Address,
        change.Type, change.Time, change.IsFirst, JsonValue.Of(change.PreviousValue, type),
        JsonValue.Of(change.Value, type), change.PreviousBytes, change.Bytes, change.Gap);
}

/// <summary>Values of memory as JSON has them.</summary>
internal static class JsonValue
{
    /// <summary>The value; a pointer as a text in hex, since many a reader of JSON has no numbers so large.</summary>
    public static object? Of(object? value, MemoryType type) => value switch
    {
        ulong pointer when type.Value == MemoryValueType.Pointer => Show.Hex(pointer),
        object?[] many => many.Select(item => Of(item, type)).ToArray(),
        _ => value,
    };
}

namespace MemProc;

/// <summary>A field of a struct.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it is.</param>
/// <param name="Offset">Bytes from the struct's first byte.</param>
public sealed record MemoryField(string Name, MemoryType Type, int Offset)
{
    /// <summary>The field as a layout is written: <c>int32 pid@0</c>.</summary>
    public override string ToString() => $"{Type} {Name}@{Offset}";
}

namespace MemProc;

/// <summary>A struct that was read from a process' memory.</summary>
public sealed class MemoryRecord : ProcessOutput
{
    private readonly MemoryLayout _layout;
    private readonly object?[] _values;

    internal MemoryRecord(ProcessIdentity process, ulong address, MemoryLayout layout, object?[] values)
    {
        Process = process;
        _layout = layout;
        Address = address;
        _values = values;
    }

    internal override ProcessIdentity Process { get; }

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>The layout, each field with its offset.</summary>
    public string Layout => _layout.ToString();

    /// <summary>
    /// Returns the fields and their values: those of <see cref="MemoryType.Decode"/>, or for a pointer to a string the
    /// string, null where the pointer is null.
    /// </summary>
    public IEnumerable<(MemoryField Field, object? Value)> GetFields() => _layout.Fields.Zip(_values);

    /// <summary>Returns address and layout.</summary>
    public override string ToString() => $"0x{Address:x} {SafeText.Escape(Layout)}";
}

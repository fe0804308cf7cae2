namespace MemProc;

/// <summary>How bytes of memory are understood. Numbers are in the machine's own byte order.</summary>
public enum MemoryValueType
{
    /// <summary>1 byte, signed.</summary>
    SByte,
    /// <summary>1 byte.</summary>
    Byte,
    /// <summary>2 bytes, signed.</summary>
    Int16,
    /// <summary>2 bytes.</summary>
    UInt16,
    /// <summary>4 bytes, signed.</summary>
    Int32,
    /// <summary>4 bytes.</summary>
    UInt32,
    /// <summary>8 bytes, signed.</summary>
    Int64,
    /// <summary>8 bytes.</summary>
    UInt64,
    /// <summary>4 bytes, floating point.</summary>
    Single,
    /// <summary>8 bytes, floating point.</summary>
    Double,
    /// <summary>An address, 8 bytes.</summary>
    Pointer,
}

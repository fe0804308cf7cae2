namespace MemProc;

/// <summary>The type of one value in memory.</summary>
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
    /// <summary>An address: 8 bytes, or 4 in a 32-bit process.</summary>
    Pointer,
    /// <summary>16 bytes, signed.</summary>
    Int128,
    /// <summary>16 bytes.</summary>
    UInt128,
    /// <summary>2 bytes, floating point.</summary>
    Half,
    /// <summary>1 byte: 0 is false, other values are true.</summary>
    Bool,
    /// <summary>1 byte, a character of ASCII or Latin-1: C's char.</summary>
    Char8,
    /// <summary>2 bytes, a unit of UTF-16: the char of .NET and Java.</summary>
    Char16,
    /// <summary>An address in a 32-bit process, 4 bytes.</summary>
    Pointer32,
}

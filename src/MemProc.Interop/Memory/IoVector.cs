using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>struct iovec: a stretch of memory.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IoVector
{
    /// <summary>Address of the first byte.</summary>
    public nuint Base;
    /// <summary>Bytes.</summary>
    public nuint Length;
}

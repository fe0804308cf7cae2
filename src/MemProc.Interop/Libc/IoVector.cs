using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>struct iovec of <c>include/uapi/linux/uio.h</c>: a range of memory.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct IoVector
{
    /// <summary>Address of the first byte.</summary>
    public nuint Base;
    /// <summary>Length in bytes.</summary>
    public nuint Length;
}

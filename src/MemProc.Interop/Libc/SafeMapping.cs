using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>A mapping of this process, unmapped on disposal.</summary>
public sealed class SafeMapping : SafeHandle
{
    private readonly nuint _length;

    internal SafeMapping(nint address, nuint length)
        : base(-1, ownsHandle: true)
    {
        _length = length;
        SetHandle(address);
    }

    /// <summary>Address of the first byte.</summary>
    public ulong Address => (ulong)handle;

    /// <summary>Bytes that were requested; the mapping extends to the end of the last page.</summary>
    public ulong Length => _length;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Libc.Unmap(handle, _length);
}

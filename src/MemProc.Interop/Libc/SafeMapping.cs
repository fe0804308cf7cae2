using System.Runtime.InteropServices;

namespace MemProc.Interop;

/// <summary>A mapping of this process' own; it is unmapped when it is disposed of.</summary>
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

    /// <summary>Bytes that were asked for; the mapping reaches to the end of the last one's page.</summary>
    public ulong Length => _length;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == -1;

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => Libc.Unmap(handle, _length);
}

using System.Collections.ObjectModel;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace MemProc;

/// <summary>
/// Bytes of an output: a list that cannot be changed, and whose text is hex, in a CSV file too: <c>67 61 72</c>.
/// </summary>
/// <param name="bytes">The bytes, which are not copied.</param>
[CollectionBuilder(typeof(MemoryBytes), nameof(Create))]
public sealed class MemoryBytes(byte[] bytes) : ReadOnlyCollection<byte>(bytes)
{
    private readonly byte[] _bytes = bytes;

    /// <summary>Number of bytes.</summary>
    public int Length => Count;

    /// <summary>Copies bytes.</summary>
    public static MemoryBytes Create(ReadOnlySpan<byte> bytes) => new(bytes.ToArray());

    /// <summary>
    /// Returns the bytes as an array, for what takes arrays. It is the array of the list itself, since a loop such as
    /// <c>[BitConverter]::ToInt32($bytes, $at)</c> would otherwise copy all bytes each time. Use <see cref="ToArray"/> for an
    /// array that you change.
    /// </summary>
    [return: NotNullIfNotNull(nameof(bytes))]
    public static implicit operator byte[]?(MemoryBytes? bytes) => bytes?._bytes;

    /// <summary>Returns the bytes for what reads them.</summary>
    public static implicit operator ReadOnlySpan<byte>(MemoryBytes? bytes) => bytes?._bytes;

    /// <summary>Returns the bytes for what keeps them.</summary>
    public static implicit operator ReadOnlyMemory<byte>(MemoryBytes? bytes) => bytes?._bytes;

    /// <summary>Returns a copy.</summary>
    public byte[] ToArray() => [.. _bytes];

    /// <summary>Returns the bytes in hex, with blanks between them.</summary>
    public override string ToString() => ByteText.Hex(_bytes);
}

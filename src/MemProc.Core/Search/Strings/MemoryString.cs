using System.Text;

namespace MemProc;

/// <summary>The encoding of a string in memory.</summary>
public enum MemoryStringEncoding
{
    /// <summary>Printable ASCII characters and tabs.</summary>
    Ascii,
    /// <summary>Printable characters in UTF-8, at least one of them not ASCII.</summary>
    Utf8,
    /// <summary>Printable ASCII characters and tabs in UTF-16, little-endian.</summary>
    Utf16,
}

/// <summary>A sequence of printable characters in the memory of a process.</summary>
public sealed class MemoryString : ProcessOutput
{
    private readonly ProcMap _map;

    internal MemoryString(
        ProcessIdentity process, ProcMap map, ulong address, ulong length, ReadOnlySpan<byte> bytes,
        MemoryStringEncoding encoding)
    {
        Process = process;
        _map = map;
        Address = address;
        Length = length;
        Encoding = encoding;
        Text = Decode(bytes, encoding);
        IsTruncated = length > (ulong)bytes.Length;
    }

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Length in bytes. It does not include a terminating NUL.</summary>
    public ulong Length { get; }

    /// <summary>The text, as the process has it. Of a very long one it is the beginning.</summary>
    public string Text { get; }

    /// <summary>The encoding.</summary>
    public MemoryStringEncoding Encoding { get; }

    /// <summary><see cref="Text"/> is only the first <see cref="StringSearch.MaxTextBytes"/> bytes.</summary>
    public bool IsTruncated { get; }

    /// <summary>Permissions of the mapping that it begins in, <c>rw-p</c>.</summary>
    public string Permissions => _map.Permissions;

    /// <summary>Kind of that mapping.</summary>
    public ProcMapKind Kind => _map.Kind;

    /// <summary>Path or name of the mapping, empty for anonymous memory.</summary>
    public string Path => _map.Path;

    /// <summary>Bytes from the start of the mapping.</summary>
    public ulong OffsetInMapping => Address - _map.Start;

    /// <summary><see cref="OffsetInMapping"/> in hex.</summary>
    public string OffsetInMappingHex => HexText.Of(OffsetInMapping);

    internal override ProcessIdentity Process { get; }

    /// <summary>Returns address and text.</summary>
    public override string ToString() => $"0x{Address:x} {SafeText.Escape(Text)}";

    private static string Decode(ReadOnlySpan<byte> bytes, MemoryStringEncoding encoding) => encoding switch
    {
        MemoryStringEncoding.Utf8 => System.Text.Encoding.UTF8.GetString(bytes[..CompleteUtf8(bytes)]),
        MemoryStringEncoding.Utf16 => System.Text.Encoding.Unicode.GetString(bytes[..(bytes.Length & ~1)]),
        _ => System.Text.Encoding.Latin1.GetString(bytes),
    };

    /// <summary>Returns the bytes without a character at the end that is cut off.</summary>
    private static int CompleteUtf8(ReadOnlySpan<byte> bytes) =>
        Rune.DecodeLastFromUtf8(bytes, out _, out int consumed) == System.Buffers.OperationStatus.Done
            ? bytes.Length
            : bytes.Length - consumed;
}

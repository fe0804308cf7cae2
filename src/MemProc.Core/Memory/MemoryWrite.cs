namespace MemProc;

/// <summary>A write to a process' memory that was done.</summary>
public sealed class MemoryWrite : ProcessOutput
{
    private readonly byte[] _previous;
    private readonly byte[] _bytes;

    internal MemoryWrite(
        ProcessIdentity process, ulong address, byte[] previousBytes, byte[] bytes, WriteMethod method, string path,
        bool? isVerified)
    {
        Process = process;
        Address = address;
        _previous = previousBytes;
        _bytes = bytes;
        Method = method;
        Path = path;
        IsVerified = isVerified;
    }

    /// <summary>Recreates a write from its stored properties.</summary>
    /// <param name="process">The process that was written to.</param>
    /// <param name="address">Address of the first byte.</param>
    /// <param name="previousBytes">The bytes before the write.</param>
    /// <param name="bytes">The bytes that were written.</param>
    /// <param name="method">How it was written.</param>
    /// <param name="path">Path or name of the first mapping that was written to.</param>
    /// <exception cref="FormatException">There are no bytes, or their number before and after differs.</exception>
    public static MemoryWrite Recreate(
        ProcessIdentity process, ulong address, byte[] previousBytes, byte[] bytes, WriteMethod method, string path) =>
        bytes.Length > 0 && bytes.Length == previousBytes.Length
            ? new MemoryWrite(process, address, previousBytes, bytes, method, path, isVerified: null)
            : throw new FormatException(
                $"A write has the same number of bytes before and after, at least one; here {previousBytes.Length} and "
                + $"{bytes.Length}.");

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary><see cref="Address"/> in hex.</summary>
    public string AddressHex => HexText.Of(Address);

    /// <summary>Number of bytes.</summary>
    public ulong Length => (ulong)_bytes.Length;

    /// <summary>The bytes before the write.</summary>
    public MemoryBytes PreviousBytes => new(_previous);

    /// <summary>The bytes that were written.</summary>
    public MemoryBytes Bytes => new(_bytes);

    /// <summary>How it was written.</summary>
    public WriteMethod Method { get; }

    /// <summary>Path or name of the first mapping that was written to.</summary>
    public string Path { get; }

    /// <summary>The bytes were read back and are those written; null where this was not requested.</summary>
    public bool? IsVerified { get; }

    internal override ProcessIdentity Process { get; }

    /// <summary>Returns address and bytes.</summary>
    public override string ToString() => $"0x{Address:x}: {ByteText.Preview(_previous)} became {ByteText.Preview(_bytes)}";
}

/// <summary>How memory is written.</summary>
public enum WriteMethod
{
    /// <summary>process_vm_writev(2): page protection applies.</summary>
    ProcessVm,
    /// <summary>
    /// <c>/proc/PID/mem</c>: also writes private pages without write permission, into a copy for the process.
    /// </summary>
    Mem,
}

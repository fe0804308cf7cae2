namespace MemProc;

/// <summary>A write to a process' memory that was carried out.</summary>
public sealed class MemoryWrite
{
    internal MemoryWrite(
        ProcessIdentity process, ulong address, byte[] previousBytes, byte[] bytes, WriteMethod method, string path,
        bool? isVerified)
    {
        Process = process;
        Address = address;
        PreviousBytes = previousBytes;
        Bytes = bytes;
        Method = method;
        Path = path;
        IsVerified = isVerified;
    }

    /// <summary>A write that was carried out earlier, from what was kept of it.</summary>
    /// <param name="process">The process that was written to.</param>
    /// <param name="address">Address of the first byte.</param>
    /// <param name="previousBytes">What was there before.</param>
    /// <param name="bytes">What was written.</param>
    /// <param name="method">How it was written.</param>
    /// <param name="path">Path or name of the first mapping that was written to.</param>
    /// <exception cref="FormatException">There are no bytes, or not as many before as after.</exception>
    public static MemoryWrite Recall(
        ProcessIdentity process, ulong address, byte[] previousBytes, byte[] bytes, WriteMethod method, string path) =>
        bytes.Length > 0 && bytes.Length == previousBytes.Length
            ? new MemoryWrite(process, address, previousBytes, bytes, method, path, isVerified: null)
            : throw new FormatException(
                $"A write has as many bytes before as after, and at least one; not {previousBytes.Length} and "
                + $"{bytes.Length}.");

    /// <summary>The process id.</summary>
    public int ProcessId => Process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => Process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => Process.StartTicks;

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary>Number of bytes.</summary>
    public ulong Length => (ulong)Bytes.Length;

    /// <summary>What was there before.</summary>
    public byte[] PreviousBytes { get; }

    /// <summary>What was written.</summary>
    public byte[] Bytes { get; }

    /// <summary>How it was written.</summary>
    public WriteMethod Method { get; }

    /// <summary>Path or name of the first mapping that was written to.</summary>
    public string Path { get; }

    /// <summary>The bytes were read back and are what was written; null where nobody asked.</summary>
    public bool? IsVerified { get; }

    internal ProcessIdentity Process { get; }
}

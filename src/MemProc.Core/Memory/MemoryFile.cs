using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>A stretch of a process' memory that was read into a file.</summary>
public sealed class MemoryFile
{
    /// <summary>What is read is written while it is still in the processor's cache.</summary>
    private const int PieceBytes = 512 * 1024;

    private readonly ProcessIdentity _process;

    private MemoryFile(
        ProcessIdentity process, ulong address, ulong length, string path, MemoryGap[] gaps, ReadMethod method)
    {
        _process = process;
        Address = address;
        Length = length;
        Path = path;
        Gaps = gaps;
        Method = method;
    }

    /// <summary>The process id.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>The process' name.</summary>
    public string ProcessName => _process.Name;

    /// <summary>Start time of the process, in clock ticks after boot; with the id it names one process.</summary>
    public ulong ProcessStartTicks => _process.StartTicks;

    /// <summary>Address of the first byte.</summary>
    public ulong Address { get; }

    /// <summary>Bytes covered, gaps included: the file's length.</summary>
    public ulong Length { get; }

    /// <summary>The file. What could not be read is a hole in it.</summary>
    public string Path { get; }

    /// <summary>What could not be read, in address order.</summary>
    public MemoryGap[] Gaps { get; }

    /// <summary>How it was read.</summary>
    public ReadMethod Method { get; }

    /// <summary>
    /// Reads a range into a file, piece by piece through one buffer. The file gets its name when it is complete.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="reader">How to read it.</param>
    /// <param name="address">First address.</param>
    /// <param name="length">Bytes, at least 1.</param>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Replace a file that is there.</param>
    /// <param name="needAll">A gap is an error.</param>
    /// <param name="progress">Told how many bytes are covered so far.</param>
    /// <exception cref="MemProcException">ReadMemory failed, or nothing could be read.</exception>
    /// <exception cref="IOException">The file cannot be written, or is there already.</exception>
    public static MemoryFile Save(
        LinuxProcess process, MemoryReader reader, ulong address, ulong length, string path, bool overwrite,
        bool needAll, Action<ulong> progress)
    {
        UserRange.End(address, length, Operation.ReadMemory);
        if (!overwrite && System.IO.Path.Exists(path))
        {
            throw new IOException($"The file '{path}' already exists.");
        }

        string partial = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            MemoryGap[] gaps = [.. Fill(reader, address, length, partial, progress)];
            // Nothing in memory is an answer to who asks for what is in memory.
            if (gaps is [{ } first, ..]
                && (needAll || (first.Length == length && first.Kind != MemoryGapKind.NotResident)))
            {
                throw reader.Unreadable(address, length, first);
            }

            File.Move(partial, path, overwrite);
            return new MemoryFile(process.Identity, address, length, path, gaps, reader.Method);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static List<MemoryGap> Fill(
        MemoryReader reader, ulong address, ulong length, string path, Action<ulong> progress)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        ulong end = address + length;
        List<MemoryGap> gaps = [];
        byte[] buffer = new byte[(int)Math.Min(length, PieceBytes)];
        using MemoryReader.Readable readable = reader.ReadableBetween(address, end);
        for (ulong at = address; at < end;)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(end - at, (ulong)buffer.Length));
            int known = gaps.Count;
            ulong covered = reader.Fill(at, piece, readable, gaps);
            WriteBetweenGaps(file, at, address, piece, gaps.Skip(Math.Max(known - 1, 0)));
            at += covered;
            progress(at - address);
        }

        RandomAccess.SetLength(file, (long)length);
        return gaps;
    }

    private static void WriteBetweenGaps(
        SafeFileHandle file, ulong at, ulong origin, ReadOnlySpan<byte> piece,
        IEnumerable<MemoryGap> gaps)
    {
        ulong next = at;
        ulong end = at + (ulong)piece.Length;
        foreach (MemoryGap gap in gaps)
        {
            WritePart(file, at, origin, piece, next, Math.Clamp(gap.Address, next, end));
            next = Math.Clamp(gap.End, next, end);
        }

        WritePart(file, at, origin, piece, next, end);
    }

    private static void WritePart(
        SafeFileHandle file, ulong at, ulong origin, ReadOnlySpan<byte> piece, ulong from,
        ulong to)
    {
        if (to > from)
        {
            RandomAccess.Write(file, piece[(int)(from - at)..(int)(to - at)], (long)(from - origin));
        }
    }
}

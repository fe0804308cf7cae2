using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Names of code that a process generates at run time, as it wrote them to <c>/tmp/perf-PID.map</c>: lines of start, size
/// and name, numbers in hex (<c>tools/perf/Documentation/jit-interface.txt</c>). Everyone can write to the folder: a file
/// that belongs neither to the user of the process nor to root is ignored.
/// </summary>
internal sealed class PerfMap
{
    /// <summary>Bytes of the largest file that is read.</summary>
    internal const ulong MaxFileBytes = 256 * 1024 * 1024;

    /// <summary>Entries of the largest map.</summary>
    private const int MaxEntries = 1 << 22;

    /// <summary>Bytes of the longest line, and of all names together.</summary>
    private const int MaxLineBytes = 16 * 1024;
    private const int MaxNameBytes = 128 * 1024 * 1024;

    private readonly ulong[] _starts;
    private readonly Entry[] _entries;
    private readonly byte[] _names;
    private readonly FileStatus _status;

    private PerfMap(Entry[] entries, byte[] names, in FileStatus status)
    {
        _entries = entries;
        _names = names;
        _status = status;
        _starts = Array.ConvertAll(entries, entry => entry.Start);
    }

    /// <summary>Reads bytes of a file from an offset on; 0 at its end.</summary>
    internal delegate int Reader(ulong offset, Span<byte> buffer);

    /// <summary>Number of entries, those left out that were replaced later.</summary>
    internal int Count => _entries.Length;

    /// <summary>Reads the map of a process; null where there is none that can be trusted.</summary>
    /// <param name="process">The process.</param>
    /// <param name="known">
    /// The map as it was read before, which is returned where the file has not changed; null: none.
    /// </param>
    /// <param name="refusal">Why there is a map that is not used; null where there is none, or it is used.</param>
    /// <param name="cancellation">Stops the read.</param>
    public static PerfMap? Read(
        LinuxProcess process, PerfMap? known, out string? refusal, CancellationToken cancellation = default)
    {
        (uint? user, int id) = Owner(process);
        string path = $"/tmp/perf-{id}.map";
        FileRefusal? refused = process.NamedFiles.TryOpen(path, cancellation, out CheckedFile? opened);
        using CheckedFile? file = opened;
        refusal = refused is { } reason ? reason.IsMissing ? null : $"{path} is ignored: {reason}."
            : user is null || (file!.Status.UserId != user && file.Status.UserId != 0)
                ? $"{path} is ignored: it belongs neither to the user of the process nor to root."
            : file.Status.SizeBytes > MaxFileBytes
                ? $"{path} is ignored: it has {file.Status.SizeBytes} bytes, more than the {MaxFileBytes} that are read."
            : null;
        if (refused is not null || refusal is not null)
        {
            return null;
        }

        FileStatus status = file!.Status;
        if (known is not null && known._status.IsSameFileAs(status) && known._status.SizeBytes == status.SizeBytes
            && known._status.ChangeSeconds == status.ChangeSeconds
            && known._status.ChangeNanoseconds == status.ChangeNanoseconds)
        {
            return known;
        }

        try
        {
            PerfMap map = Parse((offset, buffer) => file.TryRead(buffer, offset, cancellation, out int read)
                is Errno errno and not Errno.None ? throw new ErrnoException("read", errno) : read, status, out string? fault);
            refusal = fault is null ? null : $"{path} is used in part: {fault}.";
            return map;
        }
        catch (ErrnoException error)
        {
            refusal = $"{path} is ignored: {new FileRefusal(error.Errno, "cannot be read")}.";
            return null;
        }
    }

    /// <summary>Parses the lines; lines of another form, and longer ones than the limit, are left out.</summary>
    /// <param name="read">Reads the file.</param>
    /// <param name="status">The status of the file.</param>
    /// <param name="fault">Why the map is not complete; null where it is.</param>
    internal static PerfMap Parse(Reader read, in FileStatus status, out string? fault)
    {
        List<Entry> entries = [];
        ArrayBufferWriter<byte> names = new();
        byte[] buffer = new byte[4 * MaxLineBytes];
        int filled = 0;
        ulong offset = 0;
        bool isEnd = false, isSkipping = false;
        fault = null;
        while (!isEnd && fault is null)
        {
            int count = read(offset, buffer.AsSpan(filled));
            offset += (ulong)count;
            filled += count;
            isEnd = count == 0;
            fault = offset > MaxFileBytes ? $"it has more than {MaxFileBytes} bytes" : null;
            ReadOnlySpan<byte> rest = buffer.AsSpan(0, filled);
            while (fault is null && (rest.IndexOf((byte)'\n') is int end and >= 0 || (isEnd && (end = rest.Length) > 0)))
            {
                if (!isSkipping && end <= MaxLineBytes)
                {
                    Add(rest[..end], entries, names);
                }

                isSkipping = false;
                rest = rest[Math.Min(end + 1, rest.Length)..];
                fault = entries.Count == MaxEntries ? $"it has more than {MaxEntries} entries"
                    : names.WrittenCount > MaxNameBytes ? $"its names have more than {MaxNameBytes} bytes"
                    : null;
            }

            // The start of a line that is too long is not kept.
            isSkipping |= rest.Length > MaxLineBytes;
            rest = isSkipping ? [] : rest;
            rest.CopyTo(buffer);
            filled = rest.Length;
        }

        return new PerfMap(Sort(entries), names.WrittenSpan.ToArray(), status);
    }

    /// <summary>Finds the name of an address of the process; null where it has none.</summary>
    public ResolvedSymbol? At(ulong address)
    {
        int index = Array.BinarySearch(_starts, address);
        index = index >= 0 ? index : ~index - 1;
        if (index < 0 || address - _entries[index].Start >= _entries[index].Size)
        {
            return null;
        }

        Entry entry = _entries[index];
        string name = Encoding.UTF8.GetString(_names, entry.NameAt, entry.NameBytes);
        return new ResolvedSymbol(name, entry.Start, SymbolOrigin.PerfMap);
    }

    /// <summary>Sorts entries by address. Of several at one address the last is the current one.</summary>
    private static Entry[] Sort(List<Entry> entries)
    {
        entries.Sort(static (one, other) => one.Start != other.Start
            ? one.Start.CompareTo(other.Start)
            : one.NameAt.CompareTo(other.NameAt));
        int count = 0;
        for (int index = 0; index < entries.Count; index++)
        {
            if (index + 1 == entries.Count || entries[index].Start != entries[index + 1].Start)
            {
                entries[count++] = entries[index];
            }
        }

        entries.RemoveRange(count, entries.Count - count);
        return [.. entries];
    }

    private static void Add(ReadOnlySpan<byte> line, List<Entry> entries, ArrayBufferWriter<byte> names)
    {
        line = line.TrimEnd((byte)'\r');
        if (TryNumber(ref line, out ulong start) && TryNumber(ref line, out ulong size) && size > 0 && !line.IsEmpty)
        {
            entries.Add(new Entry(start, size, names.WrittenCount, line.Length));
            names.Write(line);
        }
    }

    /// <summary>Takes a hexadecimal number, with or without 0x, and the blank after it.</summary>
    private static bool TryNumber(ref ReadOnlySpan<byte> line, out ulong value)
    {
        line = line.StartsWith("0x"u8) ? line[2..] : line;
        if (!Utf8Parser.TryParse(line, out value, out int used, 'x') || used >= line.Length || line[used] != ' ')
        {
            return false;
        }

        line = line[(used + 1)..];
        return true;
    }

    /// <summary>Returns the user of the process, and its id in its own PID namespace.</summary>
    private static (uint? User, int Id) Owner(LinuxProcess process)
    {
        uint? user = null;
        int id = process.Id;
        using ProcfsLines lines = new(process, "status", Operation.ReadStatus);
        while (lines.MoveNext())
        {
            if (!StatusLine.TryParse(lines.Current, out StatusLine line))
            {
                continue;
            }

            string[] words = Encoding.UTF8.GetString(line.Text)
                .Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries);
            if (line.Name.SequenceEqual("Uid"u8) && words is [_, string effective, ..])
            {
                user = uint.TryParse(effective, CultureInfo.InvariantCulture, out uint known) ? known : null;
            }
            else if (line.Name.SequenceEqual("NStgid"u8) && words is [.., string innermost])
            {
                id = int.TryParse(innermost, CultureInfo.InvariantCulture, out int known) ? known : id;
            }
        }

        return (user, id);
    }

    /// <summary>An entry; its name is at an offset in the bytes of all names.</summary>
    private readonly record struct Entry(ulong Start, ulong Size, int NameAt, int NameBytes);
}

using System.Globalization;
using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc;

/// <summary>
/// Names of code that a process generates at run time, as it wrote them to <c>/tmp/perf-PID.map</c>: lines of start, size
/// and name, numbers in hex (<c>tools/perf/Documentation/jit-interface.txt</c>). Everyone can write to the folder: a file
/// that belongs neither to the user of the process nor to root is ignored.
/// </summary>
internal sealed class PerfMap
{
    private const int MaxFileBytes = 256 * 1024 * 1024;

    private readonly ulong[] _starts;
    private readonly Entry[] _entries;
    private readonly FileStatus _status;

    private PerfMap(List<Entry> entries, FileStatus status)
    {
        _status = status;
        // A stable sort: of several entries at one address the last is the current one.
        _entries = [.. entries.OrderBy(entry => entry.Start)];
        _starts = Array.ConvertAll(_entries, entry => entry.Start);
    }

    /// <summary>Reads the map of a process; null where there is none that can be trusted.</summary>
    /// <param name="process">The process.</param>
    /// <param name="known">
    /// The map as it was read before, which is returned where the file is the same and has not grown; null: none.
    /// </param>
    public static PerfMap? Read(LinuxProcess process, PerfMap? known)
    {
        (uint? user, int id) = Owner(process);
        if (user is null || Libc.TryOpenAt(process.Folder, $"root/tmp/perf-{id}.map", OpenAccess.ReadNonBlocking,
            out SafeFileHandle? file) != Errno.None)
        {
            return null;
        }

        using (file)
        {
            if (Libc.TryStatX(file!, out FileStatus status) != Errno.None || !status.IsRegular
                || status.SizeBytes > MaxFileBytes || (status.UserId != user && status.UserId != 0))
            {
                return null;
            }

            if (known?._status.Inode == status.Inode && known._status.SizeBytes == status.SizeBytes)
            {
                return known;
            }

            using StreamReader reader = new(new FileStream(file!, FileAccess.Read), Encoding.UTF8);
            return Parse(reader, status);
        }
    }

    /// <summary>Parses the lines; lines of another form are left out.</summary>
    private static PerfMap Parse(TextReader reader, FileStatus status)
    {
        List<Entry> entries = [];
        while (reader.ReadLine() is string line)
        {
            string[] fields = line.Split(' ', 3);
            if (fields.Length == 3 && TryHex(fields[0], out ulong start) && TryHex(fields[1], out ulong size)
                && size > 0 && fields[2].Length > 0)
            {
                entries.Add(new Entry(start, size, fields[2]));
            }
        }

        return new PerfMap(entries, status);
    }

    /// <summary>Finds the name of an address of the process; null where it has none.</summary>
    public ResolvedSymbol? At(ulong address)
    {
        int index = Array.BinarySearch(_starts, address);
        index = index >= 0 ? index : ~index - 1;
        while (index >= 0 && index + 1 < _starts.Length && _starts[index + 1] == _starts[index])
        {
            index++;
        }

        return index >= 0 && address - _entries[index].Start < _entries[index].Size
            ? new ResolvedSymbol(_entries[index].Name, _entries[index].Start, SymbolOrigin.PerfMap)
            : null;
    }

    private static bool TryHex(string text, out ulong value) => ulong.TryParse(
        text.StartsWith("0x", StringComparison.Ordinal) ? text.AsSpan(2) : text, NumberStyles.AllowHexSpecifier,
        CultureInfo.InvariantCulture, out value);

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

            string[] words = Encoding.UTF8.GetString(line.Text).Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries);
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

    private readonly record struct Entry(ulong Start, ulong Size, string Name);
}

using System.Text;

namespace MemProc;

/// <summary>A value in a process' memory that is read repeatedly.</summary>
public sealed class WatchedMemory
{
    /// <summary>Maximum size of one value in bytes: all of it is read and compared each time.</summary>
    public const int MaxLength = 1024 * 1024;

    /// <summary>Addresses that a message names.</summary>
    private const int MaxDescribed = 8;

    private readonly MemoryReader _reader;
    private readonly ulong _address;
    private readonly MemoryType _type;
    private readonly bool _isBigEndian;
    private readonly Encoding _encoding;
    private bool _isKnown;
    private byte[] _current;
    private byte[] _previous;
    private MemoryGap? _gap;
    private byte[]? _held;

    /// <summary>Creates a watched value; its memory is not read yet.</summary>
    /// <param name="process">The process.</param>
    /// <param name="reader">Reads the process.</param>
    /// <param name="address">Address of the first byte.</param>
    /// <param name="type">The type of the value, at most <see cref="MaxLength"/> bytes.</param>
    /// <param name="isBigEndian">The byte order where the type has none.</param>
    /// <param name="encoding">Encoding of strings of one-byte characters.</param>
    public WatchedMemory(
        LinuxProcess process, MemoryReader reader, ulong address, MemoryType type, bool isBigEndian, Encoding encoding)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(type.SizeBytes, MaxLength);
        Process = process;
        _reader = reader;
        _address = address;
        _type = type = type.For(DataModel.Of(process));
        _isBigEndian = isBigEndian;
        _encoding = encoding;
        _current = new byte[type.SizeBytes];
        _previous = new byte[type.SizeBytes];
    }

    /// <summary>Returns a type that can be watched.</summary>
    /// <exception cref="ArgumentException">It has two places, or is too large.</exception>
    public static MemoryType CheckType(MemoryType type) => type.IsTextPointer
        ? throw new ArgumentException("A char* is a pointer and its text: watch the pointer, or the text as char[16].")
        : type.SizeBytes > MaxLength
        ? throw new ArgumentException($"A watched value has at most {HumanSize.Format(MaxLength)}.")
        : type;

    /// <summary>The process.</summary>
    public LinuxProcess Process { get; }

    /// <summary>
    /// Write the initial value back whenever it has changed. The process is not stopped: it can see the other value, and
    /// can write between the read and the write.
    /// </summary>
    public bool IsHeld { get; init; }

    /// <summary>Write the value back in the same way as this, where handlers of userfaultfd(2) are concerned.</summary>
    public bool AllowUserfault { get; init; }

    /// <summary>How often the value was written back.</summary>
    public long RestoreCount { get; private set; }

    /// <summary>Describes what a hold does, for the question to the user.</summary>
    public string DescribeHold() => $"Hold {HumanSize.Format((ulong)_current.Length)} at 0x{_address:x} of process "
        + $"{Process.Identity}: write the value back whenever it changes";

    /// <summary>Describes how often values were written back: that of each address, and the sum of several.</summary>
    public static string DescribeRestores(IReadOnlyCollection<WatchedMemory> held)
    {
        string each = string.Join(", ", held.Take(MaxDescribed).Select(one => $"0x{one._address:x} of process {one.Process.Identity} "
            + Times(one.RestoreCount)));
        return "Written back: " + (held.Count == 1 ? $"{each}." : $"{Times(held.Sum(one => one.RestoreCount))} ({each}"
            + $"{(held.Count > MaxDescribed ? ", …" : string.Empty)}).");

        static string Times(long count) => count == 1 ? "once" : $"{count} times";
    }

    /// <summary>
    /// Reads the value: returns the initial value first, later each change; null where it is unchanged.
    /// </summary>
    /// <param name="time">The current time.</param>
    /// <exception cref="MemProcException">
    /// ReadMemory: ESRCH where the process has exited; EFAULT or EIO where it cannot be read the first time. WriteMemory: it
    /// is held and cannot be written back.
    /// </exception>
    public MemoryChange? Poll(DateTime time)
    {
        (_previous, _current) = (_current, _previous);
        MemoryGap? gap = _reader.Read(_address, _current.AsMemory()) is [{ } first, ..] ? first : null;
        if (!_isKnown && gap is not null)
        {
            throw _reader.Unreadable(_address, (ulong)_current.Length, gap);
        }

        bool isSame = _isKnown && (gap is null) == (_gap is null) && (gap is not null || _current.AsSpan().SequenceEqual(_previous));
        bool isRestored = IsHeld && !isSame && Restore(gap);
        MemoryChange? change = isSame ? null : new(Process.Identity, _address, (ulong)_current.Length, _type, isFirst: !_isKnown)
        {
            Time = time,
            PreviousValue = _isKnown && _gap is null ? Decode(_previous) : null,
            PreviousBytes = _isKnown && _gap is null ? [.. _previous] : [],
            Value = gap is null ? Decode(_current) : null,
            Bytes = gap is null ? [.. _current] : [],
            Gap = gap,
            RestoreCount = IsHeld ? RestoreCount : null,
        };
        if (isRestored)
        {
            _held!.CopyTo(_current, 0);
        }

        _gap = gap;
        _isKnown = true;
        return change;
    }

    /// <summary>Writes the initial value back; false where it is the initial value, or cannot be read.</summary>
    private bool Restore(MemoryGap? gap)
    {
        _held ??= [.. _current];
        if (gap is not null || _current.AsSpan().SequenceEqual(_held))
        {
            return false;
        }

        MemoryTransaction.Prepare(Process, [new MemoryWriteRequest(_address, _held)], AllowUserfault)
            .Commit(stop: false, verify: false);
        RestoreCount++;
        return true;
    }

    private object Decode(byte[] bytes) => _type.Decode(bytes, _isBigEndian, _encoding);
}

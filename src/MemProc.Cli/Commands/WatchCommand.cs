using System.CommandLine;
using System.Globalization;
using System.Text;

namespace MemProc.Cli;

/// <summary><c>memproc watch</c>: what becomes of values in the memory of a process.</summary>
internal sealed class WatchCommand : CliCommand
{
    private readonly Argument<int> _process = Given.Process();

    private readonly Argument<ProcAddress[]> _addresses = Given.Addresses("What to watch: the first byte of each value");

    private readonly Option<MemoryType?> _type = Given.Option<MemoryType?>(
        "--type", "TYPE", "What is there: int32, pointer, char[16], byte[8]", MemoryType.Parse);

    private readonly Option<TimeSpan?> _interval = Given.Option<TimeSpan?>("--interval", "TIME",
        "From one look to the next, 1s if left out: 250ms, 5s, 1m; a number alone is milliseconds", text => Interval(text));

    private readonly Option<TimeSpan?> _timeout = Given.Option<TimeSpan?>(
        "--timeout", "TIME", "How long; until Ctrl-C if left out", text => Duration.Parse(text));

    private readonly Option<ulong?> _count = Given.Option<ulong?>(
        "--count", "CHANGES", "End after so many changes", text => Numbers.Count(text));

    private readonly Option<string?> _until = Given.Option(
        "--until", "VALUE", "End when a value is this one, as it is shown", text => text);

    private readonly Option<bool> _bigEndian = Given.Switch("--big-endian", "Numbers begin with their most significant byte");

    public WatchCommand()
        : base("watch", "Watches values in the memory of a process: what is there first, then each change. What changes "
            + "and changes back between two looks is not seen.",
            "memproc watch 1234 0x7ffd2de47000 --type int32",
            "memproc watch 1234 0x7ffd2de47000 0x7ffd2de47008 --type pointer --interval 100ms --timeout 1m",
            "memproc watch 1234 0x7ffd2de47000 --type int32 --until 100")
    {
        Arguments.Add(_process);
        Arguments.Add(_addresses);
        Options.Add(_type);
        Options.Add(_interval);
        Options.Add(_timeout);
        Options.Add(_count);
        Options.Add(_until);
        Options.Add(_bigEndian);
    }

    protected override string? Fault(ParseResult given) =>
        given.GetValue(_type) is not MemoryType type ? "Give --type: what is there, such as int32 or byte[8]."
        : type.IsTextPointer ? "A char* is two places: watch it as a pointer, or the text as char[16]."
        : type.SizeBytes > WatchedMemory.Most ? $"--type: at most {HumanSize.Format(WatchedMemory.Most)}."
        : null;

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using LinuxProcess process = LinuxProcess.Open(given.GetValue(_process));
        MemoryType type = given.GetValue(_type)!;
        MemoryReader reader = new(process, ReadMethod.Auto, cancellation);
        ulong[] addresses = AddressResolution.Resolve(process, given.GetValue(_addresses)!, cancellation);
        WatchedMemory[] places = Array.ConvertAll(addresses, address => new WatchedMemory(
            process, reader, address, type, given.GetValue(_bigEndian), Encoding.UTF8));
        MemoryWatch watch = new(places, given.GetValue(_interval) ?? TimeSpan.FromSeconds(1), cancellation);
        Table<MemoryChange> table = output.BeginTable<MemoryChange>(
        [
            new("Time", -12, change => change.Time.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)),
            new("Address", -18, change => Show.Hex(change.Address)),
            new("Previous", -18, change => change.PreviousValue is null ? "-" : ValueText.Format(change.PreviousValue, type)),
            new("Value", 0, change => change.Gap is null ? ValueText.Format(change.Value, type) : "unreadable"),
        ]);
        ulong changes = 0;
        foreach (MemoryChange change in watch.Changes(given.GetValue(_timeout), error => output.Fail(error.Message)))
        {
            Write(output, table, change, type);
            changes += change.IsFirst ? 0UL : 1;
            if (changes == given.GetValue(_count)
                || (change.Gap is null && ValueText.Format(change.Value, type) == given.GetValue(_until)))
            {
                break;
            }
        }
    }

    /// <summary>Writes a change, and hands it on at once: the next one may take long.</summary>
    private static void Write(Output output, Table<MemoryChange> table, MemoryChange change, MemoryType type)
    {
        if (output.IsJson)
        {
            output.WriteJson(WatchedChange.Of(change, type));
        }
        else
        {
            table.Add(change);
        }

        output.Flush();
    }

    /// <exception cref="FormatException">It is none from a millisecond to a day.</exception>
    private static TimeSpan Interval(string text) =>
        Duration.Parse(text) is TimeSpan span && span >= MemoryWatch.Shortest && span <= MemoryWatch.Longest
        ? span
        : throw new FormatException($"'{SafeText.Escape(text)}': an interval is at least 1 ms, and at most a day.");
}

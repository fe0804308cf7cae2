using System.CommandLine;
using System.Globalization;
using System.Text;

namespace MemProc.Cli;

/// <summary><c>memproc watch</c>: watches values in the memory of a process.</summary>
internal sealed class WatchCommand : ProcessCommand
{
    private readonly Argument<AddressExpression[]> _addresses = CommandOptions.Addresses("Addresses of the values");

    private readonly Option<MemoryType?> _type = CommandOptions.Option<MemoryType?>(
        "--type", "TYPE", "Type of the values: int32, pointer, char[16], byte[8]",
        text => WatchedMemory.CheckType(MemoryType.Parse(text)));

    private readonly Option<TimeSpan?> _interval = CommandOptions.Option<TimeSpan?>("--interval", "TIME",
        "Time between two reads, 1s if omitted: 250ms, 5s, 1m; a number without a unit is milliseconds",
        text => MemoryWatch.CheckInterval(Duration.Parse(text)));

    private readonly Option<TimeSpan?> _timeout = CommandOptions.Option<TimeSpan?>(
        "--timeout", "TIME", "Stop after this time; until Ctrl-C if omitted", text => Duration.Parse(text));

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>(
        "--count", "CHANGES", "Stop after this number of changes", text => NumberParser.ParseCount(text));

    private readonly Option<string?> _until = CommandOptions.Option(
        "--until", "VALUE", "Stop when a value is this one, as it is shown", text => text);

    private readonly Option<bool> _bigEndian = CommandOptions.Switch("--big-endian", "Numbers are big-endian");
    private readonly Option<bool> _allowUserfault = CommandOptions.AllowUserfault();

    public WatchCommand()
        : base("watch", "Watches values in the memory of a process: shows each value first, then each change. A value "
            + "that changes and changes back between two reads is missed.",
            "memproc watch 1234 0x7ffd2de47000 --type int32",
            "memproc watch 1234 0x7ffd2de47000 0x7ffd2de47008 --type pointer --interval 100ms --timeout 1m",
            "memproc watch 1234 0x7ffd2de47000 --type int32 --until 100")
    {
        Arguments.Add(_addresses);
        Options.Add(_type);
        Options.Add(_interval);
        Options.Add(_timeout);
        Options.Add(_count);
        Options.Add(_until);
        Options.Add(_bigEndian);
        Options.Add(_allowUserfault);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.Has(_type) ? null : "Specify --type, the type of the values, such as int32 or byte[8].";

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        MemoryType type = parseResult.GetValue(_type)!;
        MemoryReader reader = new(process, ReadMethod.Auto, cancellation)
        {
            AllowUserfault = parseResult.GetValue(_allowUserfault),
        };
        ulong[] addresses = AddressResolution.Resolve(process, parseResult.GetValue(_addresses)!, cancellation);
        WatchedMemory[] targets = Array.ConvertAll(addresses, address => new WatchedMemory(
            process, reader, address, type, parseResult.GetValue(_bigEndian), Encoding.UTF8));
        MemoryWatch watch = new(targets, parseResult.GetValue(_interval) ?? TimeSpan.FromSeconds(1), cancellation);
        Table<MemoryChange> table = output.BeginTable<MemoryChange>(
        [
            new("Time", -12, change => change.Time.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)),
            new("Address", -18, change => ConsoleFormat.Hex(change.Address)),
            new("Previous", -18, change => change.PreviousValue is null ? "-" : ValueText.Format(change.PreviousValue, type)),
            new("Value", 0, change => change.Gap is null ? ValueText.Format(change.Value, type) : change.Gap.Describe()),
        ]);
        ulong changes = 0;
        foreach (MemoryChange change in watch.Changes(parseResult.GetValue(_timeout), error => output.Fail(error.Message)))
        {
            Write(output, table, change, type);
            changes += change.IsFirst ? 0UL : 1;
            if (changes == parseResult.GetValue(_count)
                || (change.Gap is null && ValueText.Format(change.Value, type) == parseResult.GetValue(_until)))
            {
                break;
            }
        }
    }

    /// <summary>Writes a change and flushes it: the next one can take long.</summary>
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
}

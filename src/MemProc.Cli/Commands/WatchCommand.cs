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

    private readonly Option<double?> _seconds = CommandOptions.Option<double?>(
        "--seconds", "SECONDS", "Stop after this time: 0.5, 60; until Ctrl-C if omitted", text => NumberParser.ParseSeconds(text));

    private readonly Option<TimeSpan?> _timeout = CommandOptions.Option<TimeSpan?>(
        "--timeout", "TIME", "The same with a unit: 500ms, 5m; a number without a unit is milliseconds", text => Duration.Parse(text));

    private readonly Option<ulong?> _count = CommandOptions.Option<ulong?>(
        "--count", "CHANGES", "Stop after this number of changes", text => NumberParser.ParseCount(text));

    private readonly Option<string?> _until = CommandOptions.Option(
        "--until", "VALUE", "Stop when a value is this one, as it is shown", text => text);

    private readonly Option<bool> _bigEndian = CommandOptions.Switch("--big-endian", "Numbers are big-endian");
    private readonly Option<bool> _allowUserfault = CommandOptions.AllowUserfault();

    private readonly Option<bool> _writer = CommandOptions.Switch("--writer",
        "Report the instructions that write the values, by hardware breakpoints");

    private readonly Option<bool> _access = CommandOptions.Switch("--access",
        "Report the instructions that read or write the values, by hardware breakpoints");

    private readonly Option<AssemblySyntax?> _syntax = CommandOptions.EnumOption<AssemblySyntax>(
        "--syntax", "SYNTAX", "How instructions of --writer and --access are written; att if omitted");

    private readonly Option<bool> _hold = CommandOptions.Switch("--hold", "Write the values back when they change");
    private readonly ConfirmationOptions _confirmation = new("With --hold: show what would be held, without holding it");

    public WatchCommand()
        : base("watch", "Watches values in the memory of a process: shows each value first, then each change. A value "
            + "that changes and changes back between two reads is missed.",
            "memproc watch 1234 0x7ffd2de47000 --type int32",
            "memproc watch 1234 0x7ffd2de47000 0x7ffd2de47008 --type pointer --interval 100ms --seconds 60",
            "memproc watch 1234 0x7ffd2de47000 --type int32 --until 100",
            "memproc watch 1234 0x7ffd2de47000 --type int32 --writer --count 10",
            "memproc watch 1234 0x7ffd2de47000 --type int32 --hold --interval 10ms --yes")
    {
        Arguments.Add(_addresses);
        Options.Add(_type);
        Options.Add(_interval);
        Options.Add(_seconds);
        Options.Add(_timeout);
        Options.Add(_count);
        Options.Add(_until);
        Options.Add(_bigEndian);
        Options.Add(_allowUserfault);
        foreach (Option option in (Option[])[_writer, _access, _syntax, _hold])
        {
            Options.Add(option);
        }

        _confirmation.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult)
    {
        bool isAccess = parseResult.Has(_writer) || parseResult.Has(_access);
        return !parseResult.Has(_type) ? "Specify --type, the type of the values, such as int32 or byte[8]."
            : ((Option[])[_writer, _access, _hold]).Count(option => parseResult.Has(option)) > 1
            ? "Specify only one of --writer, --access and --hold."
            : isAccess && (parseResult.Has(_interval) || parseResult.Has(_until) || parseResult.Has(_allowUserfault))
            ? "--interval, --until and --allow-userfault cannot be combined with --writer and --access."
            : parseResult.Has(_seconds) && parseResult.Has(_timeout) ? "--seconds and --timeout cannot be combined."
            : parseResult.Has(_syntax) && !isAccess ? "--syntax requires --writer or --access."
            : parseResult.Has(_until) && parseResult.Has(_hold) ? "--until cannot be combined with --hold."
            : parseResult.Has(_hold) ? _confirmation.Missing(parseResult)
            : null;
    }

    protected override void Run(
        LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        MemoryType type = parseResult.GetValue(_type)!;
        MemoryReader reader = new(process, ReadMethod.Auto, cancellation)
        {
            AllowUserfault = parseResult.GetValue(_allowUserfault),
        };
        if (parseResult.Has(_writer) || parseResult.Has(_access))
        {
            WatchAccesses(process, type, parseResult, output, cancellation);
            return;
        }

        ulong[] addresses = AddressResolution.Resolve(process, parseResult.GetValue(_addresses)!, cancellation);
        WatchedMemory[] targets = Array.ConvertAll(addresses, address => new WatchedMemory(
            process, reader, address, type, parseResult.GetValue(_bigEndian), Encoding.UTF8)
        {
            IsHeld = parseResult.GetValue(_hold),
            AllowUserfault = parseResult.GetValue(_allowUserfault),
        });
        if (parseResult.GetValue(_hold))
        {
            if (_confirmation.IsDryRun(parseResult))
            {
                Array.ForEach(targets, target => output.WriteLine($"{target.DescribeHold()}."));
                return;
            }

            targets = Array.FindAll(targets, target => _confirmation.Agrees(parseResult, target.DescribeHold(), cancellation));
        }

        try
        {
            WatchValues(targets, type, parseResult, output, cancellation);
        }
        finally
        {
            if (parseResult.GetValue(_hold) && targets.Length > 0)
            {
                output.Flush();
                output.Warn(WatchedMemory.DescribeRestores(targets));
            }
        }
    }

    private void WatchValues(
        WatchedMemory[] targets, MemoryType type, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        MemoryWatch watch = new(targets, parseResult.GetValue(_interval) ?? TimeSpan.FromSeconds(1), cancellation);
        Table<MemoryChange> table = output.BeginTable<MemoryChange>(
        [
            new("Time", -12, change => change.Time.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)),
            new("Address", -18, change => ConsoleFormat.Hex(change.Address)),
            new("Previous", -18, change => change.PreviousValue is null ? "-" : ValueText.Format(change.PreviousValue, type)),
            new("Value", 0, change => change.Gap is null ? ValueText.Format(change.Value, type) : change.Gap.Describe()),
        ]);
        ulong changes = 0;
        foreach (MemoryChange change in watch.Changes(Timeout(parseResult), error => output.Fail(error.Message)))
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

    private void WatchAccesses(
        LinuxProcess process, MemoryType type, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        ulong[] addresses = AddressResolution.Resolve(process, parseResult.GetValue(_addresses)!, cancellation);
        MemoryAccessWatch watch = new(
            addresses.Select(address => new AccessTarget(process, address, type, parseResult.GetValue(_bigEndian))),
            parseResult.Has(_writer) ? AccessKind.Write : AccessKind.ReadWrite,
            parseResult.GetValue(_syntax) ?? AssemblySyntax.Att, cancellation)
        {
            Warn = output.WarnOnce,
        };
        Table<ProcMemoryAccess> table = output.BeginTable<ProcMemoryAccess>(
        [
            new("Time", -12, access => access.Time.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture)),
            new("Thread", 8, access => access.ThreadId.ToString(CultureInfo.InvariantCulture)),
            new("DataAddress", -14, access => ConsoleFormat.Hex(access.DataAddress)),
            new("Previous", -12, access => access.PreviousValue is null ? "-" : ValueText.Format(access.PreviousValue, type)),
            new("Value", -12, access => access.Value is null ? "-" : ValueText.Format(access.Value, type)),
            new("Location", -32, access => SafeText.Escape(access.Location ?? ConsoleFormat.Hex(access.Address))),
            new("Instruction", 0, access => SafeText.Escape(access.Instruction ?? "-")),
        ]);
        ulong left = parseResult.GetValue(_count) ?? ulong.MaxValue;
        foreach (ProcMemoryAccess access in watch.Accesses(Timeout(parseResult), error => output.Fail(error.Message)))
        {
            table.Add(access);
            output.Flush();
            if (--left == 0)
            {
                break;
            }
        }

        if (watch.LostCount > 0)
        {
            output.Warn($"{watch.LostCount} accesses were not reported: there were more than could be taken from the kernel.");
        }
    }

    private TimeSpan? Timeout(ParseResult parseResult) => parseResult.GetValue(_seconds) is double seconds
        ? TimeSpan.FromSeconds(seconds)
        : parseResult.GetValue(_timeout);

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

using System.CommandLine;
using System.Globalization;
using System.Text;

namespace MemProc.Cli;

/// <summary><c>memproc search</c>: searches the memory of a process.</summary>
internal sealed class SearchCommand : ProcessCommand
{
    private static readonly Column<MemoryMatch>[] Columns =
    [
        new("Address", -18, match => Show.Hex(match.Address)),
        new("Perm", -4, match => match.Permissions ?? string.Empty),
        new("Match", -35, match => MatchText.Describe(match.Bytes, match.Type == MemoryValueType.Pointer,
            match.Type is null ? null : match.Value, null)),
        new("Path", 0, match => SafeText.Escape(match.Path ?? string.Empty)),
    ];

    private readonly Argument<string?> _pattern = new("PATTERN")
    {
        Description = "Bytes in hex, with ? for any digit: '48 8b ?? 05'",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _text = Given.Option("--text", "TEXT", "A text", text => text);
    private readonly Option<Encoding?> _encoding = Given.Option("--encoding", "NAME", "The encoding of --text, "
        + "utf-8 if omitted: ascii, latin1, utf-16, utf-16BE, utf-32", Encoding.GetEncoding);
    private readonly Option<bool> _ignoreCase = Given.Switch(
        "--ignore-case", "Ignore the case of letters in --text and --regex");
    private readonly Option<string?> _regex = Given.Option(
        "--regex", "EXPRESSION", "A .NET regular expression over bytes", text => text);
    private readonly Option<MemoryValueType?> _type = Given.Word<MemoryValueType>(
        "--type", "TYPE", "The type of the numbers");
    private readonly Option<string?> _value = Given.Option("--value", "NUMBER", "A number of --type", text => text);
    private readonly Option<double?> _tolerance = Given.Option<double?>("--tolerance", "NUMBER",
        "Maximum difference from --value", text => double.Parse(text, CultureInfo.InvariantCulture));
    private readonly Option<string?> _above = Given.Option(
        "--greater-than", "NUMBER", "Numbers of --type greater than this one", text => text);
    private readonly Option<string?> _below = Given.Option(
        "--less-than", "NUMBER", "Numbers of --type less than this one", text => text);
    private readonly Option<string[]?> _between = Given.Option(
        "--between", "LOW..HIGH", "Numbers of --type between these two, inclusive", ValueComparison.ParseLimits);
    private readonly Option<int?> _alignment = Given.Option<int?>("--alignment", "BYTES",
        "Matches start at multiples of this: for numbers their size if omitted, else 1",
        text => (int)Math.Min(Numbers.Count(text), int.MaxValue));
    private readonly Option<ProcAddress?> _address = Given.AddressOption("From this address on");
    private readonly Option<ulong?> _length = Given.LengthOption("Number of bytes from --address on");
    private readonly MapFilterOptions _filter = new();
    private readonly Option<bool> _all = Given.Switch("--include-not-resident",
        "Include what is not in memory: it is faulted in, and the process grows");
    private readonly Option<ReadMethod?> _method = Given.Word<ReadMethod>(
        "--method", "METHOD", "How to read; mem also reads pages that the process itself cannot read");
    private readonly Option<ulong?> _first = Given.Option<ulong?>(
        "--first", "MATCHES", "Stop after this number of matches", text => Numbers.Count(text));
    private readonly Option<int?> _context = Given.Option<int?>("--context", "BYTES",
        "Show this number of bytes before and after each match", text => (int)Math.Min(Numbers.Count(text), int.MaxValue));

    public SearchCommand()
        : base("search", "Searches the memory of a process, by default only what is in memory.",
            "memproc search 1234 '48 8b ?? 05' --permission r-x",
            "memproc search 1234 --text password --ignore-case --context 32",
            "memproc search 1234 --value 100 --type int32 --kind heap",
            "memproc search 1234 --regex 'https?://[!-~]+' --first 10 --json")
    {
        Arguments.Add(_pattern);
        foreach (Option option in new Option[]
        {
            _text, _encoding, _ignoreCase, _regex, _type, _value, _tolerance, _above, _below, _between, _alignment,
            _address, _length, _all, _method, _first, _context,
        })
        {
            Options.Add(option);
        }

        _filter.AddTo(this);
    }

    protected override string? Fault(ParseResult given)
    {
        Option[] numbers = [_value, _above, _below, _between];
        int asked = (given.Has(_pattern) ? 1 : 0)
            + numbers.Append(_text).Append(_regex).Count(option => given.Has(option));
        return asked == 0 ? "Specify what to search for: PATTERN, --text, --regex, --value, --greater-than, "
                + "--less-than or --between."
            : asked > 1 ? "Specify only one of PATTERN, --text, --regex, --value, --greater-than, --less-than and --between."
            : numbers.Any(given.Has) != given.Has(_type) ? "--type and one of --value, --greater-than, --less-than "
                + "and --between require each other."
            : given.Has(_encoding) && !given.Has(_text) ? "--encoding requires --text."
            : given.Has(_ignoreCase) && !given.Has(_text) && !given.Has(_regex)
            ? "--ignore-case requires --text or --regex."
            : given.Has(_tolerance) && !given.Has(_value) ? "--tolerance requires --value."
            : given.Has(_alignment) && given.Has(_regex) ? "--alignment cannot be combined with --regex."
            : given.Has(_length) && !given.Has(_address) ? "--length requires --address."
            : given.GetValue(_context) > MemorySearch.MostContext
            ? $"--context is at most {MemorySearch.MostContext} bytes."
            : PatternFault(given);
    }

    protected override void Run(
        LinuxProcess process, ParseResult given, Output output, CancellationToken cancellation)
    {
        MemorySearch search = new(process, Pattern(given), cancellation)
        {
            Range = Range(given, process),
            Context = given.GetValue(_context) ?? 0,
        };
        Table<MemoryMatch> table = output.BeginTable(Columns);
        ulong left = given.GetValue(_first) ?? ulong.MaxValue;
        foreach (MemoryMatch match in search.Find())
        {
            Write(match, table, output);
            if (--left == 0)
            {
                return;
            }
        }

        if (!given.Has(_context))
        {
            table.End();
        }

        if (!search.Skips.IsNone)
        {
            output.Tell($"Searched {HumanSize.Format(search.SearchedBytes)}; skipped: {search.Skips}.");
        }
    }

    private static void Write(MemoryMatch match, Table<MemoryMatch> table, Output output)
    {
        if (match is not MemoryMatchInContext context)
        {
            table.Add(match);
        }
        else if (output.IsJson)
        {
            output.WriteJson(context);
        }
        else
        {
            output.WriteLine($"{Show.Hex(match.Address)} {match.Permissions} {HumanSize.Format(match.Length)} "
                + SafeText.Escape(match.Path ?? string.Empty));
            foreach (string line in HexDump.Lines(
                context.ContextAddress, context.ContextBytes, (ulong)context.ContextBytes.Length, []))
            {
                output.WriteLine(line);
            }
        }
    }

    private SearchRange Range(ParseResult given, LinuxProcess process)
    {
        SearchRange range = new()
        {
            Filter = _filter.Filter(given),
            IncludeNotResident = given.GetValue(_all),
            Method = given.GetValue(_method) ?? ReadMethod.Auto,
        };
        return given.Resolve(_address, process) is ulong address
            ? range.From(address, given.GetValue(_length))
            : range;
    }

    private string? PatternFault(ParseResult given)
    {
        try
        {
            Pattern(given);
            return null;
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException)
        {
            return error.Message;
        }
    }

    private SearchPattern Pattern(ParseResult given)
    {
        int? alignment = given.GetValue(_alignment);
        if (given.GetValue(_pattern) is string pattern)
        {
            return BytePattern.Parse(pattern, alignment ?? 1);
        }

        if (given.GetValue(_text) is string text)
        {
            return BytePattern.Text(text, given.GetValue(_encoding) ?? Encoding.UTF8, given.GetValue(_ignoreCase),
                alignment ?? 1);
        }

        if (given.GetValue(_regex) is string expression)
        {
            return new RegexPattern(expression, given.GetValue(_ignoreCase));
        }

        MemoryValueType type = given.GetValue(_type)!.Value;
        ValueComparison comparison = ValueComparison.From(given.GetValue(_value), given.GetValue(_tolerance),
            given.GetValue(_above), given.GetValue(_below), given.Has(_between) ? given.GetValue(_between) : null)!;
        return new ValuePattern(comparison.For(type), alignment);
    }
}

using System.CommandLine;
using System.Globalization;
using System.Text;

namespace MemProc.Cli;

/// <summary><c>memproc search</c>: searches the memory of a process.</summary>
internal sealed class SearchCommand : TargetCommand
{
    private static readonly Column<MemoryMatch>[] Columns =
    [
        new("Address", -18, match => ConsoleFormat.Hex(match.Address)),
        new("Perm", -4, match => match.Permissions ?? string.Empty),
        new("Match", -35, match => MatchText.Describe(match.Bytes, match.Type is MemoryValueType.Pointer or MemoryValueType.Pointer32,
            match.Type is null ? null : match.Value, null)),
        new("Path", 0, match => SafeText.Escape(match.Path ?? string.Empty)),
    ];

    private static readonly Column<MemoryString>[] StringColumns =
    [
        new("Address", -18, found => ConsoleFormat.Hex(found.Address)),
        new("Perm", -4, found => found.Permissions),
        new("Encoding", -8, found => EnumNames.Of(found.Encoding)),
        new("Path", -24, found => SafeText.ShortenMiddle(SafeText.Escape(found.Path), 24)),
        new("Text", 0, found => SafeText.Escape(found.Text) + (found.IsTruncated ? "…" : string.Empty)),
    ];

    private readonly Argument<string?> _pattern = new("PATTERN")
    {
        Description = "Bytes in hex, with ? for any digit: '48 8b ?? 05'; what cannot be hex is a text",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _text = CommandOptions.Option("--text", "TEXT", "A text", text => text);
    private readonly Option<Encoding?> _encoding = CommandOptions.Option("--encoding", "NAME", "The encoding of --text, "
        + "utf-8 if omitted: ascii, latin1, utf-16, utf-16BE, utf-32; of --strings ascii, utf-8 or utf-16, all if omitted",
        Encoding.GetEncoding);
    private readonly Option<bool> _strings = CommandOptions.Switch(
        "--strings", "All sequences of printable characters, in ASCII, UTF-8 and UTF-16");
    private readonly Option<int?> _minimumLength = CommandOptions.Option<int?>("--minimum-length", "CHARACTERS",
        $"Minimum length of --strings, {StringSearch.DefaultMinLength} if omitted",
        text => (int)Math.Min(NumberParser.ParseCount(text), int.MaxValue));
    private readonly Option<bool> _ignoreCase = CommandOptions.Switch(
        "--ignore-case", "Ignore the case of letters in --text and --regex");
    private readonly Option<string?> _regex = CommandOptions.Option(
        "--regex", "EXPRESSION", "A .NET regular expression over bytes", text => text);
    private readonly Option<MemoryValueType?> _type = CommandOptions.EnumOption<MemoryValueType>(
        "--type", "TYPE", "The type of the numbers");
    private readonly Option<string?> _value = CommandOptions.Option("--value", "NUMBER", "A number of --type", text => text);
    private readonly Option<double?> _tolerance = CommandOptions.Option<double?>("--tolerance", "NUMBER",
        "Maximum difference from --value", text => double.Parse(text, CultureInfo.InvariantCulture));
    private readonly Option<string?> _above = CommandOptions.Option(
        "--greater-than", "NUMBER", "Numbers of --type greater than this one", text => text);
    private readonly Option<string?> _below = CommandOptions.Option(
        "--less-than", "NUMBER", "Numbers of --type less than this one", text => text);
    private readonly Option<string[]?> _between = CommandOptions.Option(
        "--between", "LOW..HIGH", "Numbers of --type between these two, inclusive", ValueComparison.ParseLimits);
    private readonly Option<int?> _alignment = CommandOptions.Option<int?>("--alignment", "BYTES",
        "Matches start at multiples of this: for numbers their size if omitted, else 1",
        text => (int)Math.Min(NumberParser.ParseCount(text), int.MaxValue));
    private readonly Option<AddressExpression?> _address = CommandOptions.AddressOption("From this address on");
    private readonly Option<ulong?> _length = CommandOptions.LengthOption("Number of bytes from --address on");
    private readonly MapFilterOptions _filter = new();
    private readonly Option<bool> _all = CommandOptions.Switch("--include-not-resident",
        "Include what is not in memory: it is faulted in, and the process grows");
    private readonly Option<bool> _allowUserfault = CommandOptions.AllowUserfault();
    private readonly Option<ReadMethod?> _method = CommandOptions.EnumOption<ReadMethod>(
        "--method", "METHOD", "How to read; mem also reads pages that the process itself cannot read");
    private readonly Option<ulong?> _first = CommandOptions.Option<ulong?>(
        "--first", "MATCHES", "Stop after this number of matches", text => NumberParser.ParseCount(text));
    private readonly Option<int?> _context = CommandOptions.Option<int?>("--context", "BYTES",
        "Show this number of bytes before and after each match", text => (int)Math.Min(NumberParser.ParseCount(text), int.MaxValue));

    public SearchCommand()
        : base("search", "Searches the memory of a process, by default only what is in memory. With all in place of PID, memory "
            + "that processes share is searched once.", takesAll: true,
            [
                "memproc search 1234 '48 8b ?? 05' --permission r-x",
                "memproc search 1234 --text password --ignore-case --context 32",
                "memproc search 1234 --value 100 --type int32 --kind heap",
                "memproc search 1234 --regex 'https?://[!-~]+' --first 10 --json",
                "memproc search 1234 --strings --minimum-length 8 --encoding utf-16",
                "memproc search all --text secret --json",
            ])
    {
        Arguments.Add(_pattern);
        foreach (Option option in new Option[]
        {
            _text, _encoding, _strings, _minimumLength, _ignoreCase, _regex, _type, _value, _tolerance, _above, _below, _between, _alignment,
            _address, _length, _all, _allowUserfault, _method, _first, _context,
        })
        {
            Options.Add(option);
        }

        _filter.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult)
    {
        Option[] numbers = [_value, _above, _below, _between];
        int asked = (parseResult.Has(_pattern) ? 1 : 0)
            + numbers.Append(_text).Append(_regex).Append(_strings).Count(option => parseResult.Has(option));
        return asked == 0 ? "Specify what to search for: PATTERN, --text, --regex, --strings, --value, "
                + "--greater-than, --less-than or --between."
            : asked > 1 ? "Specify only one of PATTERN, --text, --regex, --strings, --value, --greater-than, --less-than and "
                + "--between."
            : numbers.Any(parseResult.Has) != parseResult.Has(_type) ? "--type and one of --value, --greater-than, --less-than "
                + "and --between require each other."
            : parseResult.Has(_encoding) && !parseResult.Has(_text) && !parseResult.Has(_strings)
            ? "--encoding requires --text or --strings."
            : parseResult.Has(_minimumLength) && !parseResult.Has(_strings) ? "--minimum-length requires --strings."
            : parseResult.GetValue(_minimumLength) > StringSearch.MaxMinLength
            ? $"--minimum-length is at most {StringSearch.MaxMinLength}."
            : parseResult.Has(_strings) && (parseResult.Has(_context) || parseResult.Has(_alignment))
            ? "--context and --alignment cannot be combined with --strings."
            : parseResult.Has(_ignoreCase) && !parseResult.Has(_text) && !parseResult.Has(_regex)
            ? "--ignore-case requires --text or --regex."
            : parseResult.Has(_tolerance) && !parseResult.Has(_value) ? "--tolerance requires --value."
            : parseResult.Has(_alignment) && parseResult.Has(_regex) ? "--alignment cannot be combined with --regex."
            : parseResult.Has(_length) && !parseResult.Has(_address) ? "--length requires --address."
            : parseResult.Has(_allowUserfault) && !parseResult.Has(_all)
            ? "--allow-userfault requires --include-not-resident: the pages that a handler supplies are not resident."
            : parseResult.GetValue(_context) > MemorySearch.MaxContextBytes
            ? $"--context is at most {MemorySearch.MaxContextBytes} bytes."
            : AllFault(parseResult) ?? PatternFault(parseResult);
    }

    protected override void Run(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        if (parseResult.Has(_strings))
        {
            WriteStrings(process, parseResult, output, cancellation);
            return;
        }

        MemorySearch search = new(process, Pattern(parseResult, process), cancellation)
        {
            Range = Range(parseResult, process, cancellation),
            Context = parseResult.GetValue(_context) ?? 0,
        };
        Table<MemoryMatch> table = output.BeginTable(Columns);
        ulong left = parseResult.GetValue(_first) ?? ulong.MaxValue;
        foreach (MemoryMatch match in search.Find())
        {
            Write(match, table, output);
            if (--left == 0)
            {
                return;
            }
        }

        if (!parseResult.Has(_context))
        {
            table.End();
        }

        WarnOfSkips(output, search.SearchedBytes, search.Skips);
    }

    protected override void RunAll(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        HostSearch search = new(ProcessList.Ids(), process => Pattern(parseResult, process), cancellation)
        {
            Range = new SearchRange
            {
                Filter = _filter.Filter(parseResult),
                Method = parseResult.GetValue(_method) ?? ReadMethod.Auto,
            },
            First = parseResult.GetValue(_first) ?? ulong.MaxValue,
        };
        Table<SharedMemoryMatch> table = output.BeginTable<SharedMemoryMatch>(
        [
            new("Process", 8, match => match.ProcessId.ToString(CultureInfo.InvariantCulture)),
            new("Owners", 6, match => match.Owners.Length.ToString(CultureInfo.InvariantCulture)),
            .. Columns.Select(column => column.For<SharedMemoryMatch>()),
        ]);
        ulong left = search.First;
        foreach (SharedMemoryMatch match in search.Find(error => output.Fail(error.Message), output.Warn))
        {
            table.Add(match);
            if (--left == 0)
            {
                return;
            }
        }

        table.End();
        output.Warn($"Searched {search.ProcessCount} processes: read {HumanSize.Format(search.SearchedBytes)} of "
            + $"{HumanSize.Format(search.MappedBytes)} that they map.");
    }

    private string? AllFault(ParseResult parseResult) => IsAll(parseResult)
        && ((Option[])[_strings, _address, _context, _all]).Any(parseResult.Has)
        ? "--strings, --address, --context and --include-not-resident require PID." : null;

    private void WriteStrings(
        MemoryTarget process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        StringSearch search = new(process, parseResult.GetValue(_minimumLength) ?? StringSearch.DefaultMinLength,
            StringSearch.Select(parseResult.GetValue(_encoding)), cancellation)
        {
            Range = Range(parseResult, process, cancellation),
        };
        Table<MemoryString> table = output.BeginTable(StringColumns);
        ulong left = parseResult.GetValue(_first) ?? ulong.MaxValue;
        foreach (MemoryString found in search.Find())
        {
            table.Add(found);
            if (--left == 0)
            {
                return;
            }
        }

        table.End();
        WarnOfSkips(output, search.SearchedBytes, search.Skips);
    }

    private static void WarnOfSkips(Output output, ulong searchedBytes, SearchSkips skips)
    {
        if (!skips.IsNone)
        {
            output.Warn($"Searched {HumanSize.Format(searchedBytes)}; skipped: {skips}.");
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
            output.WriteLine($"{ConsoleFormat.Hex(match.Address)} {match.Permissions} {HumanSize.Format(match.Length)} "
                + SafeText.Escape(match.Path ?? string.Empty));
            foreach (string line in HexDump.Fold(HexDump.Lines(
                context.ContextAddress, context.ContextBytes, (ulong)context.ContextBytes.Length, [])))
            {
                output.WriteLine(line);
            }
        }
    }

    private SearchRange Range(ParseResult parseResult, MemoryTarget process, CancellationToken cancellation)
    {
        SearchRange range = new()
        {
            Filter = _filter.Filter(parseResult),
            IncludeNotResident = parseResult.GetValue(_all),
            AllowUserfault = parseResult.GetValue(_allowUserfault),
            Method = parseResult.GetValue(_method) ?? ReadMethod.Auto,
        };
        return parseResult.Resolve(_address, process, cancellation) is ulong address
            ? range.From(address, parseResult.GetValue(_length))
            : range;
    }

    private string? PatternFault(ParseResult parseResult)
    {
        try
        {
            if (parseResult.Has(_strings))
            {
                StringSearch.Select(parseResult.GetValue(_encoding));
            }
            else
            {
                Pattern(parseResult, null);
            }

            return null;
        }
        catch (Exception error) when (error is ArgumentException or FormatException or OverflowException)
        {
            return error.Message;
        }
    }

    /// <summary>Creates the pattern; null: for a process that is not known yet.</summary>
    private SearchPattern Pattern(ParseResult parseResult, MemoryTarget? process)
    {
        int? alignment = parseResult.GetValue(_alignment);
        if (parseResult.GetValue(_pattern) is string pattern)
        {
            return BytePattern.ParseOrText(pattern, alignment ?? 1, "--text");
        }

        if (parseResult.GetValue(_text) is string text)
        {
            return BytePattern.Text(text, parseResult.GetValue(_encoding) ?? Encoding.UTF8, parseResult.GetValue(_ignoreCase),
                alignment ?? 1);
        }

        if (parseResult.GetValue(_regex) is string expression)
        {
            return new RegexPattern(expression, parseResult.GetValue(_ignoreCase));
        }

        MemoryValueType type = parseResult.GetValue(_type)!.Value;
        ValueComparison comparison = ValueComparison.From(parseResult.GetValue(_value), parseResult.GetValue(_tolerance),
            parseResult.GetValue(_above), parseResult.GetValue(_below),
            parseResult.Has(_between) ? parseResult.GetValue(_between) : null)!;
        return new ValuePattern(process is null ? comparison.For(type) : comparison.For(type, process), alignment);
    }
}

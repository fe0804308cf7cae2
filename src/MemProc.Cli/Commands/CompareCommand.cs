using System.CommandLine;
using System.Globalization;
using System.Text;

namespace MemProc.Cli;

/// <summary><c>memproc compare</c>: compares the memory of two cores, of a core and a process, or of two moments.</summary>
internal sealed class CompareCommand : CliCommand
{
    private static readonly Column<ProcMapChange>[] MapColumns =
    [
        new("Change", -12, change => EnumNames.Of(change.Change)),
        new("Start", -18, change => ConsoleFormat.Hex(change.Start)),
        new("End", -18, change => ConsoleFormat.Hex(change.End)),
        new("Size", 10, change => ConsoleFormat.Size(change.SizeBytes)),
        new("Before", -6, change => change.PreviousPermissions ?? "-"),
        new("Now", -4, change => change.Permissions ?? "-"),
        new("Path", 0, change => SafeText.Escape(change.Path)),
    ];

    private static readonly Column<PageChange>[] PageColumns =
    [
        new("Address", -18, change => ConsoleFormat.Hex(change.Address)),
        new("Pages", 8, change => change.PageCount.ToString(CultureInfo.InvariantCulture)),
        new("Change", -22, change => change.Change.ToString()),
        new("Before", -22, change => change.PreviousState),
        new("Now", -22, change => change.State),
        new("Path", 0, change => SafeText.Escape(change.Path)),
    ];

    private readonly Argument<string[]> _cores = new("FILE")
    {
        Description = "Core files: the one before, and the one after unless --pid is specified",
        Arity = new ArgumentArity(0, 2),
    };

    private readonly Option<int?> _process = CommandOptions.Option<int?>("--pid", "PID",
        "A process: compared with the core, or with itself after --seconds", text => NumberParser.ParseProcessId(text));

    private readonly Option<double?> _seconds = CommandOptions.Option<double?>("--seconds", "SECONDS",
        "Compare two moments of --pid that are this far apart: 0.5, 60. Nothing is left on disk", text => NumberParser.ParseSeconds(text));

    private readonly Option<bool> _stop = CommandOptions.Switch("--stop", "Stop the process at each of the two moments");
    private readonly Option<bool> _mapping = CommandOptions.Switch(
        "--mapping", "Show mappings that were added or removed, have grown or shrunk, or changed permissions or file");
    private readonly Option<bool> _page = CommandOptions.Switch("--page",
        "Show pages that came, went, moved, were copied on write, or became huge or split");
    private readonly Option<bool> _content = CommandOptions.Switch(
        "--content", "Show changed bytes: the default without --mapping and --page");
    private readonly Option<MemoryLayout?> _type = CommandOptions.Option("--type", "TYPE",
        "Show changed values of this type instead of runs of bytes: int32, double, pointer",
        text => ComparisonOptions.CheckType(MemoryType.Parse(text)));
    private readonly Option<MemoryLayout?> _layout = CommandOptions.Option("--layout", "FIELDS",
        "Show changed fields of the structs from --address on: 'int32 id; char[16] name'",
        text => ComparisonOptions.CheckLayout(MemoryLayout.Parse(text)));
    private readonly Option<bool> _bigEndian = CommandOptions.Switch("--big-endian", "Numbers are big-endian");
    private readonly Option<AddressExpression?> _address = CommandOptions.AddressOption("From this address on");
    private readonly Option<ulong?> _length = CommandOptions.LengthOption("Number of bytes from --address on");
    private readonly MapFilterOptions _filter = new();
    private readonly Option<int?> _join = CommandOptions.Option<int?>("--join", "BYTES",
        "Equal bytes between two changes that still make one run: 8 if omitted, at most 256", text => Join(text));
    private readonly Option<bool> _all = CommandOptions.Switch("--include-not-resident",
        "Include what is not in memory: it is faulted in, and the process grows; and what a core left to mapped files");
    private readonly Option<bool> _summary = CommandOptions.Switch("--summary", "Show only how many bytes changed, and where");
    private readonly Option<bool> _noSummary = CommandOptions.Switch(
        "--no-summary", "Show changes as they are found, and no sums before them");

    public CompareCommand()
        : base("compare", "Shows what changed in memory: between two cores, between a core and a process, or in a process "
            + "within some seconds.",
            "memproc compare before.core after.core",
            "memproc compare before.core --pid 1234 --mapping",
            "memproc compare --pid 1234 --seconds 5 --kind heap --type int32")
    {
        Arguments.Add(_cores);
        foreach (Option option in new Option[]
        {
            _process, _seconds, _stop, _mapping, _page, _content, _type, _layout, _bigEndian, _address, _length, _join, _all,
            _summary, _noSummary,
        })
        {
            Options.Add(option);
        }

        _filter.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult)
    {
        int cores = parseResult.GetValue(_cores)?.Length ?? 0;
        bool hasProcess = parseResult.Has(_process), hasSeconds = parseResult.Has(_seconds);
        return hasSeconds && !hasProcess ? "--seconds requires --pid."
            : hasSeconds && cores > 0 ? "--seconds compares a process with itself: specify no core file."
            : parseResult.Has(_stop) && !hasSeconds ? "--stop requires --seconds."
            : !hasSeconds && cores + (hasProcess ? 1 : 0) != 2 ? "Specify two core files, a core file and --pid, or --pid and "
                + "--seconds."
            : parseResult.Has(_type) && parseResult.Has(_layout) ? "Specify --type or --layout, not both."
            : parseResult.Has(_layout) && !parseResult.Has(_address) ? "--layout requires --address."
            : parseResult.Has(_length) && !parseResult.Has(_address) ? "--length requires --address."
            : parseResult.Has(_summary) && parseResult.Has(_noSummary) ? "Specify --summary or --no-summary, not both."
            : null;
    }

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        string[] cores = parseResult.GetValue(_cores) ?? [];
        using LinuxProcess? process = parseResult.GetValue(_process) is int id ? LinuxProcess.Open(id) : null;
        if (parseResult.Has(_seconds))
        {
            using CoreFile held = Hold(process!, parseResult, output, cancellation);
            cancellation.WaitHandle.WaitOne(TimeSpan.FromSeconds(parseResult.GetValue(_seconds)!.Value));
            cancellation.ThrowIfCancellationRequested();
            using CoreFile? now = parseResult.GetValue(_stop) ? Hold(process!, parseResult, output, cancellation) : null;
            Compare(held, now ?? (MemoryTarget)process!, process, parseResult, output, cancellation);
            return;
        }

        using CoreFile before = CoreFile.Open(cores[0], cancellation);
        using CoreFile? after = process is null ? CoreFile.Open(cores[1], cancellation) : null;
        Compare(before, after ?? (MemoryTarget)process!, null, parseResult, output, cancellation);
    }

    private bool WithContent(ParseResult parseResult) => parseResult.GetValue(_content)
        || !(parseResult.GetValue(_mapping) || parseResult.GetValue(_page));

    private CoreFile Hold(LinuxProcess process, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool stop = parseResult.GetValue(_stop);
        if (stop)
        {
            output.WarnBeforeStop();
        }

        return MemorySaver.SaveUnnamed(process, new SaveOptions
        {
            Stop = stop,
            IncludeDontDump = true,
            ReadAll = parseResult.GetValue(_all),
            PageInfo = parseResult.GetValue(_page),
            NoContent = !WithContent(parseResult),
        }, _ => { }, cancellation);
    }

    private void Compare(CoreFile before, MemoryTarget after, LinuxProcess? live, ParseResult parseResult, Output output,
        CancellationToken cancellation)
    {
        MemoryLayout? layout = parseResult.GetValue(_type) ?? parseResult.GetValue(_layout);
        ComparisonOptions options = new()
        {
            Filter = _filter.Filter(parseResult),
            IncludeNotResident = parseResult.GetValue(_all),
            JoinBytes = parseResult.GetValue(_join) ?? 8,
            Layout = layout,
            IsBigEndian = parseResult.GetValue(_bigEndian),
            Encoding = Encoding.UTF8,
        };
        if (parseResult.Resolve(_address, live ?? after, cancellation) is ulong address)
        {
            options = options.From(address, parseResult.GetValue(_length));
        }

        MemoryComparer comparer = new(before, after, options, cancellation)
        {
            Warn = output.WarnOnce,
            Live = live,
            PreviousName = live is null ? null : $"process {live.Identity}, {before.Time.LocalDateTime:HH:mm:ss.fff}",
        };
        bool isLayoutOnly = !parseResult.GetValue(_mapping) && !parseResult.GetValue(_page) && !parseResult.GetValue(_content)
            && comparer.HasLayoutOnly;
        if (parseResult.GetValue(_mapping) || isLayoutOnly)
        {
            output.WriteTable(MapColumns, comparer.CompareMaps());
        }

        if (parseResult.GetValue(_page) || (isLayoutOnly && comparer.HasPages))
        {
            output.WriteTable(PageColumns, comparer.ComparePages());
        }

        if (WithContent(parseResult) && !isLayoutOnly)
        {
            WriteContent(comparer, parseResult, output, cancellation);
        }
    }

    private void WriteContent(
        MemoryComparer comparer, ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        if (parseResult.GetValue(_noSummary))
        {
            Write(comparer.Differences(), output, cancellation);
            return;
        }

        using ContentComparison comparison = comparer.CompareContent(keepDifferences: !parseResult.GetValue(_summary));
        WriteSummary(comparison.Summary, output);
        if (!parseResult.GetValue(_summary))
        {
            Write(comparison.Differences, output, cancellation);
        }
    }

    private static void WriteSummary(MemoryComparison summary, Output output)
    {
        if (output.IsJson)
        {
            output.WriteJson(summary);
            return;
        }

        output.WriteLine($"Process {summary.ProcessId} ({SafeText.Escape(summary.ProcessName)}), compared with "
            + SafeText.Escape(summary.Previous));
        output.WriteLine($"Compared  {HumanSize.Format(summary.ComparedBytes)}; not compared, missing before "
            + $"{HumanSize.Format(summary.PreviousGapBytes)}, after {HumanSize.Format(summary.GapBytes)}");
        output.WriteLine($"Mapped    {HumanSize.Format(summary.AddedBytes)} added, {HumanSize.Format(summary.RemovedBytes)} removed");
        output.WriteLine(
            $"Changed   {HumanSize.Format(summary.ChangedBytes)} in {ComparedMap.Places(summary.DifferenceCount)}");
        foreach (ComparedMap map in summary.Maps.Where(map => map.ChangedBytes > 0))
        {
            output.WriteLine($"  {map}");
        }
    }

    private static void Write(IEnumerable<MemoryDifference> differences, Output output, CancellationToken cancellation)
    {
        Table<MemoryDifference> table = output.BeginTable<MemoryDifference>(
        [
            new("Address", -18, difference => ConsoleFormat.Hex(difference.Address)),
            new("Length", 9, difference => ConsoleFormat.Size(difference.Length)),
            new("Previous", -24, difference => Shown(difference.PreviousValue, difference.Type, difference.PreviousBytes)),
            new("Now", -24, difference => Shown(difference.Value, difference.Type, difference.Bytes)),
            new("Location", 0, difference => difference.Field is null ? SafeText.Escape(difference.Location ?? string.Empty)
                : $"{SafeText.Escape(difference.Field)} of {ConsoleFormat.Hex(difference.RecordAddress!.Value)}"),
        ]);
        foreach (MemoryDifference difference in differences)
        {
            cancellation.ThrowIfCancellationRequested();
            if (output.IsJson)
            {
                output.WriteJson(ComparedValue.Of(difference));
            }
            else
            {
                table.Add(difference);
            }
        }
    }

    private static string Shown(object? value, string? type, byte[] bytes) => type is null
        ? ByteText.Preview(bytes)
        : ValueText.Format(value, MemoryType.Parse(type));

    /// <exception cref="FormatException">It is not a number from 0 to the maximum.</exception>
    private static int Join(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int bytes) && bytes <= ComparisonOptions.MaxJoinBytes
        ? bytes
        : throw new FormatException($"'{SafeText.Escape(text)}' is not a valid number of bytes: 0 to {ComparisonOptions.MaxJoinBytes}.");
}

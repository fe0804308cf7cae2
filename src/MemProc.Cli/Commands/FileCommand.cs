using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc file</c>: shows the pages of files in the page cache.</summary>
internal sealed class FileCommand : CliCommand
{
    private static readonly Column<FilePage> Pages =
        new("Pages", 9, page => page.PageCount.ToString(CultureInfo.InvariantCulture));

    private static readonly Column<FilePage>[] Columns =
    [
        new("Page", 10, page => page.PageIndex.ToString(CultureInfo.InvariantCulture)),
        new("Offset", 14, page => ConsoleFormat.Hex(page.Offset)),
        new("State", -8, page => page.State),
        new("Pfn", 14, page => page.Pfn is ulong pfn ? ConsoleFormat.Hex(pfn) : page.IsPfnHidden ? "hidden" : "-"),
        new("Path", 0, page => SafeText.Escape(page.Path)),
    ];

    private static readonly Column<FilePage>[] FlagColumns =
    [
        .. Columns[..^1],
        new("Maps", 6, page => page.MapCount?.ToString(CultureInfo.InvariantCulture) ?? "-"),
        new("Flags", -46, page => page.Symbol ?? "-"),
        Columns[^1],
    ];

    private static readonly Column<FilePageSummary>[] SummaryColumns =
    [
        new("Resident", 10, file => file.ResidentBytes is ulong bytes ? HumanSize.Format(bytes) : "unknown"),
        new("Size", 10, file => ConsoleFormat.Size(file.SizeBytes)),
        new("%", 5, file => file.ResidentPercent?.ToString("0.#", CultureInfo.InvariantCulture) ?? "-"),
        new("Runs", 7, file => file.RunCount?.ToString(CultureInfo.InvariantCulture) ?? "-"),
        new("Path", 0, file => SafeText.Escape(file.Path)),
    ];

    private readonly Argument<string[]> _paths = new("PATH")
    {
        Description = "Files, or folders with --recurse",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<bool> _recurse = CommandOptions.Switch("--recurse", "Include the files in folders");
    private readonly Option<bool> _summary = CommandOptions.Switch("--summary", "One line per file: how much of it is in memory");
    private readonly Option<bool> _all = CommandOptions.Switch("--all", "Include pages that are not in memory");
    private readonly Option<bool> _run = CommandOptions.Switch(
        "--run", "Join neighbors with the same state in consecutive frames into one line");

    private readonly Option<ulong?> _offset = CommandOptions.Option<ulong?>(
        "--offset", "BYTES", "Only pages from this byte of the file on: 4096, 0x1000, 16M", text => NumberParser.ParseLength(text));

    private readonly Option<ulong?> _length = CommandOptions.LengthOption("Number of bytes from --offset on");
    private readonly FrameFilterOptions _filter = new();

    private readonly Option<bool> _flags = CommandOptions.Switch(
        "--flags", "Show flags and map counts of the frames, and with --json the cgroup. Requires root");

    public FileCommand()
        : base("file", "Shows which pages of files are in the page cache. It reads no page into memory.",
            "memproc file /usr/bin/ls",
            "memproc file --summary --recurse /usr/lib")
    {
        Arguments.Add(_paths);
        Options.Add(_recurse);
        Options.Add(_summary);
        Options.Add(_all);
        Options.Add(_run);
        Options.Add(_offset);
        Options.Add(_length);
        Options.Add(_flags);
        _filter.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult) =>
        parseResult.GetValue(_summary) && (_filter.IsGiven(parseResult)
            || ((Option[])[_all, _flags, _run, _offset, _length]).Any(parseResult.Has))
            ? "--summary cannot be combined with options for single pages."
            : _filter.Validate(parseResult);

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool withFlags = parseResult.GetValue(_flags) || _filter.IsGiven(parseResult);
        using FilePageWalk walk = new(withFlags, cancellation: cancellation)
        {
            IncludeAbsent = parseResult.GetValue(_all),
            JoinRuns = parseResult.GetValue(_run),
            Filter = _filter.IsGiven(parseResult) ? _filter.Filter(parseResult) : null,
            Offset = parseResult.GetValue(_offset) ?? 0,
            Length = parseResult.GetValue(_length),
        };
        bool recurse = parseResult.GetValue(_recurse);
        IEnumerable<string> files = parseResult.GetValue(_paths)!.SelectMany(path => FileTree.EnumerateFiles(
            Path.GetFullPath(path), recurse, _ => { }, error => output.Fail(error.Message), cancellation));
        if (parseResult.GetValue(_summary))
        {
            Write(output, SummaryColumns, files, file => [walk.Summarize(file)], file => file.ResidentPages is null,
                _ => false);
        }
        else
        {
            Column<FilePage>[] columns = withFlags ? FlagColumns : Columns;
            Write(output, parseResult.GetValue(_run) ? [columns[0], Pages, .. columns[1..]] : columns, files, walk.Pages,
                page => page.IsResident is null, page => page.IsPfnHidden);
        }
    }

    /// <summary>Writes the results of each file. One that cannot be read does not stop the others.</summary>
    private static void Write<T>(
        Output output, Column<T>[] columns, IEnumerable<string> files, Func<string, IEnumerable<T>> read,
        Predicate<T> isResidencyHidden, Predicate<T> isFrameHidden)
    {
        Table<T> table = output.BeginTable(columns);
        foreach (string file in files)
        {
            output.ReportErrors(() =>
            {
                foreach (T item in read(file))
                {
                    if (isResidencyHidden(item))
                    {
                        output.WarnOnce(FilePageWalk.SomeResidencyHidden);
                    }

                    if (isFrameHidden(item))
                    {
                        output.WarnOnce(PageMapWalk.FramesHidden);
                    }

                    table.Add(item);
                }
            });
        }

        table.End();
    }
}

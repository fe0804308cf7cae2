using System.CommandLine;
using System.Globalization;

namespace MemProc.Cli;

/// <summary><c>memproc file</c>: which pages of files are in memory.</summary>
internal sealed class FileCommand : CliCommand
{
    private static readonly Column<FilePage>[] Columns =
    [
        new("Page", 10, page => page.PageIndex.ToString(CultureInfo.InvariantCulture)),
        new("Offset", 14, page => Show.Hex(page.Offset)),
        new("State", -8, page => page.State),
        new("Pfn", 14, page => page.Pfn is ulong pfn ? Show.Hex(pfn) : page.IsPfnHidden ? "hidden" : "-"),
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
        new("Size", 10, file => Show.Size(file.SizeBytes)),
        new("%", 5, file => file.ResidentPercent?.ToString("0.#", CultureInfo.InvariantCulture) ?? "-"),
        new("Runs", 7, file => file.RunCount?.ToString(CultureInfo.InvariantCulture) ?? "-"),
        new("Path", 0, file => SafeText.Escape(file.Path)),
    ];

    private readonly Argument<string[]> _paths = new("PATH")
    {
        Description = "Files, or folders with --recurse",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<bool> _recurse = Given.Switch("--recurse", "The files in folders, too");
    private readonly Option<bool> _summary = Given.Switch("--summary", "One line a file: how much of it is in memory");
    private readonly Option<bool> _all = Given.Switch("--all", "Pages that are not in memory, too");
    private readonly Option<bool> _flags = Given.Switch(
        "--flags", "Flags and map counts of the frames, with --json the cgroup, too; takes root");

    public FileCommand()
        : base("file", "Shows which pages of files are in memory. No page is brought in by it.",
            "memproc file /usr/bin/ls",
            "memproc file --summary --recurse /usr/lib")
    {
        Arguments.Add(_paths);
        Options.Add(_recurse);
        Options.Add(_summary);
        Options.Add(_all);
        Options.Add(_flags);
    }

    protected override string? Fault(ParseResult given) =>
        given.GetValue(_summary) && (given.GetValue(_all) || given.GetValue(_flags))
            ? "--summary counts the pages of a file; --all and --flags are about each page."
            : null;

    protected override void Run(ParseResult given, Output output, CancellationToken cancellation)
    {
        using FilePageWalk walk = new(given.GetValue(_flags), cancellation: cancellation)
        {
            IncludeAbsent = given.GetValue(_all),
        };
        bool recurse = given.GetValue(_recurse);
        IEnumerable<string> files = given.GetValue(_paths)!.SelectMany(path => FileTree.Files(
            Path.GetFullPath(path), recurse, _ => { }, error => output.Fail(error.Message), cancellation));
        if (given.GetValue(_summary))
        {
            Write(output, SummaryColumns, files, file => [walk.Summarize(file)], file => file.ResidentPages is null,
                _ => false);
        }
        else
        {
            Write(output, given.GetValue(_flags) ? FlagColumns : Columns, files, walk.Pages,
                page => page.IsResident is null, page => page.IsPfnHidden);
        }
    }

    /// <summary>Writes what is known of each file; one that cannot be looked at does not stop the others.</summary>
    private static void Write<T>(
        Output output, Column<T>[] columns, IEnumerable<string> files, Func<string, IEnumerable<T>> look,
        Predicate<T> isResidencyHidden, Predicate<T> isFrameHidden)
    {
        Table<T> table = output.BeginTable(columns);
        bool toldResidency = false, toldFrame = false;
        foreach (string file in files)
        {
            try
            {
                foreach (T item in look(file))
                {
                    TellOnce(ref toldResidency, isResidencyHidden(item), FilePageWalk.SomeResidencyHidden);
                    TellOnce(ref toldFrame, isFrameHidden(item), PageMapWalk.FramesHidden);
                    table.Add(item);
                }
            }
            catch (MemProcException error)
            {
                output.Fail(error.Message);
            }
        }

        table.End();

        void TellOnce(ref bool told, bool holds, string message)
        {
            if (holds && !told)
            {
                told = true;
                output.Tell(message);
            }
        }
    }
}

using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc drop-file</c>: drops the pages of files from the page cache.</summary>
internal sealed class DropFileCommand : CliCommand
{
    private static readonly Column<FilePageClear>[] Columns =
    [
        new("Before", 10, clear => clear.ResidentBytesBefore is ulong bytes ? HumanSize.Format(bytes) : "unknown"),
        new("After", 10, clear => clear.ResidentBytesAfter is ulong bytes ? HumanSize.Format(bytes) : "unknown"),
        new("Dirty", 10, clear => ConsoleFormat.Size(clear.DirtyBytesAfter)),
        new("Size", 10, clear => HumanSize.Format(clear.SizeBytes)),
        new("Path", 0, clear => SafeText.Escape(clear.Path)),
    ];

    private readonly Argument<string[]> _paths = new("PATH")
    {
        Description = "Files, or folders with --recurse",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<bool> _recurse = CommandOptions.Switch("--recurse", "Include the files in folders");
    private readonly Option<bool> _sync = CommandOptions.Switch("--sync", "Write changed pages back first, so that they are dropped, too");
    private readonly ConfirmationOptions _confirmation = new("Show how much would be dropped, without dropping it");

    public DropFileCommand()
        : base("drop-file", "Drops the pages of files from the page cache. Pages that are mapped or not written back stay.",
            "memproc drop-file /var/tmp/data.bin --sync",
            "memproc drop-file --recurse /usr/lib --dry-run")
    {
        Arguments.Add(_paths);
        Options.Add(_recurse);
        Options.Add(_sync);
        _confirmation.AddTo(this);
    }

    protected override string? Validate(ParseResult parseResult) => _confirmation.Missing(parseResult);

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        bool sync = parseResult.GetValue(_sync);
        using FilePageClearer clearer = new(cancellation: cancellation);
        Table<FilePageClear> table = output.BeginTable(Columns);
        foreach (string file in parseResult.GetValue(_paths)!.SelectMany(path => FileTree.EnumerateFiles(
            Path.GetFullPath(path), parseResult.GetValue(_recurse), _ => { }, error => output.Fail(error.Message), cancellation)))
        {
            // One file that fails does not stop the others.
            output.ReportErrors(() =>
            {
                using PlannedFilePageClear plan = clearer.Plan(file);
                if (_confirmation.IsDryRun(parseResult))
                {
                    output.Write(plan, $"{plan.Describe(sync)}: nothing was done.");
                }
                else if (_confirmation.Agrees(parseResult, plan.Describe(sync), cancellation))
                {
                    table.Add(plan.Clear(sync));
                }
                else
                {
                    output.Fail($"{SafeText.Escape(file)}: nothing was dropped.");
                }
            });
        }

        if (!_confirmation.IsDryRun(parseResult))
        {
            table.End();
        }
    }
}

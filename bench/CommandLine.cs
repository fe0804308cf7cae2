using System.CommandLine;
using System.Text.Json;
using BenchmarkDotNet.Running;

namespace MemProc.Bench;

/// <summary>The command line: cases, number of turns, and form of the report.</summary>
internal static class CommandLine
{
    private static readonly Argument<string[]> Cases = new("case")
    {
        Description = "Which cases; all when left out",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<int> Rounds = new("--rounds")
    {
        Description = "How many times each contender is measured",
        DefaultValueFactory = _ => 15,
    };

    private static readonly Option<bool> Markdown = new("--markdown")
    {
        Description = "All of it as Markdown in the end",
    };

    private static readonly Option<string?> BaselineFile = new("--baseline")
    {
        Description = "Writes the run to this file as JSON",
        HelpName = "file",
    };

    private static readonly Option<string?> Compare = new("--compare")
    {
        Description = "Prints what became slower than in this file by more than the spread; exit code 2 if something did",
        HelpName = "file",
    };

    private static readonly Option<string?> Page = new("--page")
    {
        Description = "Writes the tables into this Markdown page, such as docs/performance.md",
        HelpName = "file",
    };

    private static readonly Option<string?> PageTypes = new("--page-types")
    {
        Description = "Where page-types is; the variable PAGE_TYPES says so too",
        HelpName = "path",
    };

    private static readonly Option<int> Resident = new("--resident")
    {
        Description = "GiB of memory that the process of unique-memory and index has",
        HelpName = "GiB",
        DefaultValueFactory = _ => Tools.ResidentGiB,
    };

    private static readonly Option<string?> Result = new("--result")
    {
        Description = "The result of the one case goes to this file",
        Hidden = true,
    };

    /// <summary>
    /// Carries out a command line. Returns the exit code: 1 if a case failed, whatever the figures; 2 if something became
    /// slower.
    /// </summary>
    public static int Run(string[] arguments)
    {
        Resident.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
            {
                result.AddError("--resident takes a number of at least 1.");
            }
        });
        Rounds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
            {
                result.AddError("--rounds takes a number of at least 1.");
            }
        });
        Cases.AcceptOnlyFromAmong([.. CaseList.All.Select(known => known.Name)]);
        RootCommand root = new("Side-by-side figures: MemProc, other programs, and the least that a C program can do.")
        {
            Cases, Rounds, Markdown, BaselineFile, Compare, Page, PageTypes, Resident, Result,
            Report(), List(), Micro(), new IndexCommand(), new FuzzCommand(),
        };
        root.SetAction(RunCases);
        return root.Parse(arguments).Invoke();
    }

    private static int RunCases(ParseResult parseResult)
    {
        Tools.PageTypes = parseResult.GetValue(PageTypes) ?? Tools.PageTypes;
        Tools.ResidentGiB = parseResult.GetValue(Resident);
        string[] names = parseResult.GetValue(Cases) ?? [];
        int rounds = parseResult.GetValue(Rounds);
        Case[] chosen = [.. CaseList.All.Where(known => names.Length == 0 || names.Contains(known.Name))];
        if (parseResult.GetValue(Result) is string file)
        {
            // In the pid namespace of its own that PidNamespace has made for this case.
            File.WriteAllText(file, JsonSerializer.Serialize(new CaseRunner(rounds).Run(chosen.Single())));
            return 0;
        }

        try
        {
            return RunCases(parseResult, chosen, rounds);
        }
        catch (BenchException error)
        {
            Console.Error.WriteLine(error.Message);
            return 1;
        }
    }

    private static int RunCases(ParseResult parseResult, Case[] chosen, int rounds)
    {
        // Before the measurement, which takes minutes.
        Baseline? before = parseResult.GetValue(Compare) is string earlier ? Baseline.Read(earlier) : null;
        string[] machine = [.. Machine.Describe()];
        List<CaseResult> results = [];
        foreach (Case bench in chosen)
        {
            results.Add(bench.ScansAllProcesses ? PidNamespace.Run(bench, rounds) : new CaseRunner(rounds).Run(bench));
            TextReport.Write(results[^1], Console.Out);
        }

        if (parseResult.GetValue(Markdown))
        {
            MarkdownReport.Write(results, machine, Console.Out);
        }

        Baseline run = new(machine, results);
        if (parseResult.GetValue(BaselineFile) is string file)
        {
            run.Write(file);
        }

        if (parseResult.GetValue(Page) is string page)
        {
            MarkdownReport.Insert(run, page);
        }

        bool isSlower = before?.Compare(results, Console.Out) == true;
        return results.Any(result => result.Failed is not null) ? 1 : isSlower ? 2 : 0;
    }

    private static Command Report()
    {
        Argument<string> file = new("file") { Description = "What --baseline has written" };
        Command report = new("report", "Prints the tables of an earlier run as Markdown, or writes them into a page.") { file, Page };
        report.SetAction(parseResult =>
        {
            try
            {
                Baseline run = Baseline.Read(parseResult.GetValue(file)!);
                if (parseResult.GetValue(Page) is string page)
                {
                    MarkdownReport.Insert(run, page);
                }
                else
                {
                    MarkdownReport.Write(run.Results, run.Machine, Console.Out);
                }

                return 0;
            }
            catch (BenchException error)
            {
                Console.Error.WriteLine(error.Message);
                return 1;
            }
        });
        return report;
    }

    private static Command List()
    {
        Command list = new("list", "Names the cases.");
        list.SetAction(_ =>
        {
            foreach (Case known in CaseList.All)
            {
                Console.WriteLine($"{known.Name,-14} {known.Title}");
            }
        });
        return list;
    }

    private static Command Micro()
    {
        Argument<string[]> filter = new("benchmark") { Description = "Which, with wildcards; all when left out" };
        Command micro = new("micro", "Measures what lies inside a process by BenchmarkDotNet.") { filter };
        micro.SetAction(parseResult =>
        {
            string[] filters = parseResult.GetValue(filter) is { Length: > 0 } some ? some : ["*"];
            BenchmarkSwitcher.FromAssembly(typeof(CommandLine).Assembly)
                .Run(["--filter", .. filters], new MicroConfig());
        });
        return micro;
    }
}

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

    private static readonly Option<string?> PageTypes = new("--page-types")
    {
        Description = "Where page-types is; the variable PAGE_TYPES says so too",
        HelpName = "path",
    };

    private static readonly Option<string?> Result = new("--result")
    {
        Description = "The result of the one case goes to this file",
        Hidden = true,
    };

    /// <summary>Carries out a command line. Returns the exit code: 1 if a case failed, whatever the figures.</summary>
    public static int Run(string[] arguments)
    {
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
            Cases, Rounds, Markdown, PageTypes, Result, List(), Micro(), new IndexCommand(), new FuzzCommand(),
        };
        root.SetAction(RunCases);
        return root.Parse(arguments).Invoke();
    }

    private static int RunCases(ParseResult parseResult)
    {
        Tools.PageTypes = parseResult.GetValue(PageTypes) ?? Tools.PageTypes;
        string[] names = parseResult.GetValue(Cases) ?? [];
        int rounds = parseResult.GetValue(Rounds);
        Case[] chosen = [.. CaseList.All.Where(known => names.Length == 0 || names.Contains(known.Name))];
        if (parseResult.GetValue(Result) is string file)
        {
            // In the pid namespace of its own that PidNamespace has made for this case.
            File.WriteAllText(file, JsonSerializer.Serialize(new CaseRunner(rounds).Run(chosen.Single())));
            return 0;
        }

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

        return results.Any(result => result.Failed is not null) ? 1 : 0;
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

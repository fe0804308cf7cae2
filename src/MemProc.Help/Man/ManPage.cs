using System.CommandLine;
using Markdig.Syntax;
using MemProc.Cli;

namespace MemProc.Help;

/// <summary>
/// The manual page of memproc: the sections of <c>docs/memproc.md</c>, and the commands and options as the program itself
/// knows them.
/// </summary>
/// <param name="page">The file.</param>
/// <param name="problems">Receives the problems of the file.</param>
internal sealed class ManPage(string page, Problems problems)
{
    /// <summary>The section that the commands follow.</summary>
    private const string BeforeCommands = "DESCRIPTION";

    private static readonly string[] Titles =
        ["NAME", "SYNOPSIS", BeforeCommands, "OUTPUT", "EXIT STATUS", "RIGHTS", "SEE ALSO"];

    private readonly RoffWriter _roff = new();

    /// <summary>Returns the page as roff.</summary>
    /// <param name="root">All commands.</param>
    /// <param name="version">The version of the program.</param>
    public string Format(RootCommand root, string version)
    {
        PageSection[] sections = [.. PageSection.Read(page, problems).Where(section => section.Level == 2)];
        if (!sections.Select(section => section.Title).SequenceEqual(Titles))
        {
            problems.Add(page, 1, $"The page must have the sections {string.Join(", ", Titles)}, in this order.");
        }

        _roff.Macro("TH", "MEMPROC", "1", "", $"memproc {version}", "User Commands");
        foreach (PageSection section in sections)
        {
            WriteSection(section);
            if (section.Title == BeforeCommands)
            {
                WriteCommands(root);
            }
        }

        return _roff.ToString();
    }

    private void WriteSection(PageSection section)
    {
        _roff.Macro("SH", section.Title);
        foreach (Block block in section.Blocks)
        {
            if (block is ListBlock list)
            {
                foreach (ListItemBlock item in list.Cast<ListItemBlock>())
                {
                    _roff.Item("•", string.Join('\n', PlainText.Paragraphs(item, page, problems)));
                }
            }
            else
            {
                _roff.Paragraphs(PlainText.Paragraphs([block], page, problems));
            }
        }
    }

    private void WriteCommands(RootCommand root)
    {
        _roff.Macro("SH", "OPTIONS");
        _roff.Paragraphs(["These apply to every command."]);
        foreach (Option option in root.Options)
        {
            WriteOption(option);
        }

        _roff.Macro("SH", "COMMANDS");
        foreach (Command command in root.Subcommands)
        {
            WriteCommand(command, "memproc");
        }
    }

    private void WriteCommand(Command command, string parent)
    {
        string name = $"{parent} {command.Name}";
        _roff.Macro("SS", string.Join(' ', [name, .. command.Arguments.Select(Usage),
            .. command.Subcommands.Count > 0 ? ["COMMAND"] : Array.Empty<string>()]));
        _roff.Paragraphs([command.Description!]);
        foreach (Argument argument in command.Arguments)
        {
            _roff.Item(argument.Name, Sentence(argument.Description!));
        }

        foreach (Option option in command.Options)
        {
            WriteOption(option);
        }

        if (command is CliCommand { Examples: { Count: > 0 } examples })
        {
            _roff.Paragraphs([examples.Count == 1 ? "Example:" : "Examples:"]);
            _roff.Code(examples);
        }

        foreach (Command subcommand in command.Subcommands)
        {
            WriteCommand(subcommand, name);
        }
    }

    private void WriteOption(Option option)
    {
        string names = string.Join(", ", [.. option.Aliases.Where(alias => alias != "-?"), option.Name]);
        _roff.Item(option.HelpName is string value ? $"{names} {value}" : names, Sentence(option.Description!));
    }

    private static string Usage(Argument argument)
    {
        string name = argument.Arity.MaximumNumberOfValues > 1 ? $"{argument.Name}…" : argument.Name;
        return argument.Arity.MinimumNumberOfValues == 0 ? $"[{name}]" : name;
    }

    private static string Sentence(string description) => description.EndsWith('.') ? description : $"{description}.";
}

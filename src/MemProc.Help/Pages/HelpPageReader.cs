using System.Text.RegularExpressions;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace MemProc.Help;

/// <summary>
/// Reads the help page of a cmdlet, in the layout of PlatyPS. Syntax, types, aliases and positions come from the assembly,
/// which cannot be out of date.
/// </summary>
internal sealed partial class HelpPageReader
{
    private const string OnlineLink = "Online Version";

    private static readonly string[] Titles =
        ["SYNOPSIS", "DESCRIPTION", "EXAMPLES", "PARAMETERS", "INPUTS", "OUTPUTS", "NOTES", "RELATED LINKS"];

    private readonly string _file;
    private readonly Problems _problems;
    private readonly IReadOnlyList<PageSection> _sections;

    private HelpPageReader(string file, Problems problems)
    {
        _file = file;
        _problems = problems;
        _sections = PageSection.Read(file, problems);
    }

    /// <summary>Reads the pages of cmdlets in a folder. Its other files are not help.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="problems">Receives the problems of the pages.</param>
    public static IEnumerable<HelpPage> ReadAll(string folder, Problems problems) =>
        from file in PageSection.Files(folder)
        where CmdletName().IsMatch(Path.GetFileNameWithoutExtension(file))
        select new HelpPageReader(file, problems).Read();

    private HelpPage Read()
    {
        string[] titles = [.. _sections.Where(section => section.Level == 2).Select(section => section.Title)];
        if (!titles.SequenceEqual(Titles))
        {
            _problems.Add(_file, 1, $"The page must have the sections {string.Join(", ", Titles)}, in this order.");
        }

        return new HelpPage(
            _file,
            Path.GetFileNameWithoutExtension(_file),
            Text("SYNOPSIS"),
            Text("DESCRIPTION"),
            [.. Below("EXAMPLES").Select(Example)],
            [.. Below("PARAMETERS").Select(Parameter)],
            [.. Below("INPUTS").Select(Entry)],
            [.. Below("OUTPUTS").Select(Entry)],
            Text("NOTES"),
            [.. Links()]);
    }

    private PageSection? Section(string title) =>
        _sections.FirstOrDefault(section => section.Level == 2 && section.Title == title);

    private string[] Text(string title)
    {
        if (Section(title) is not PageSection section)
        {
            return [];
        }

        return Text(section);
    }

    private string[] Text(PageSection section)
    {
        if (section.Blocks.Count == 0)
        {
            _problems.Add(_file, section.Line, $"'{section.Title}' is empty.");
        }

        return PlainText.Paragraphs(section.Blocks, _file, _problems);
    }

    /// <summary>Returns the sections of level 3 that follow a section of level 2.</summary>
    private IEnumerable<PageSection> Below(string title) => _sections
        .SkipWhile(section => section != Section(title))
        .Skip(1)
        .TakeWhile(section => section.Level > 2);

    private HelpEntry Entry(PageSection section) => new(section.Title, section.Line, Text(section));

    private HelpEntry Parameter(PageSection section)
    {
        if (!section.Title.StartsWith('-'))
        {
            _problems.Add(_file, section.Line, $"The section of a parameter must be named '-{section.Title}'.");
        }

        return Entry(section) with { Name = section.Title.TrimStart('-') };
    }

    private HelpExample Example(PageSection section)
    {
        HelpStep[] steps = [.. section.Blocks.OfType<FencedCodeBlock>().Select(Step)];
        if (steps.All(step => step.IsOutput) || !steps.Any(step => step.IsOutput))
        {
            _problems.Add(_file, section.Line, "An example must have a block of powershell and one of output.");
        }

        return new HelpExample(section.Title, steps,
            PlainText.Paragraphs(section.Blocks.Where(block => block is not FencedCodeBlock), _file, _problems));
    }

    private HelpStep Step(FencedCodeBlock block)
    {
        if (block.Info is not ("powershell" or "output"))
        {
            _problems.Add(_file, block.Line + 1, "A block of code in an example must be powershell or output.");
        }

        return new HelpStep(block.Info == "output", PlainText.Code(block));
    }

    private IEnumerable<HelpLink> Links() =>
        from block in Section("RELATED LINKS")?.Blocks.OfType<ParagraphBlock>() ?? []
        from link in block.Inline!.OfType<LinkInline>()
        select Link(PlainText.Of(link), link.Url ?? string.Empty);

    /// <summary>Returns a link. Get-Help -Online opens the first address, so the others become text.</summary>
    private static HelpLink Link(string text, string address) => text == OnlineLink
        ? new(text, address)
        : new(Uri.IsWellFormedUriString(address, UriKind.Absolute) ? $"{text}: {address}" : text, string.Empty);

    [GeneratedRegex("^[A-Z][a-z]+-[A-Z][A-Za-z]+$")]
    private static partial Regex CmdletName();
}

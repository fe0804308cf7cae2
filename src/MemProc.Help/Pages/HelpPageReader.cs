using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace MemProc.Help;

/// <summary>
/// Reads the page of a cmdlet, in the layout of PlatyPS. Syntax, types, aliases and positions are left to the
/// assembly, which cannot be out of date.
/// </summary>
internal sealed class HelpPageReader
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

    /// <summary>Reads a page; what is wrong with it goes to the problems.</summary>
    public static HelpPage Read(string file, Problems problems) => new HelpPageReader(file, problems).Read();

    private HelpPage Read()
    {
        string[] titles = [.. _sections.Where(section => section.Level == 2).Select(section => section.Title)];
        if (!titles.SequenceEqual(Titles))
        {
            _problems.Add(_file, 1, $"The page's sections are {string.Join(", ", Titles)}, in this order.");
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
            _problems.Add(_file, section.Line, $"'{section.Title}' says nothing.");
        }

        return PlainText.Paragraphs(section.Blocks, _file, _problems);
    }

    /// <summary>The sections of level 3 that follow one of level 2.</summary>
    private IEnumerable<PageSection> Below(string title) => _sections
        .SkipWhile(section => section != Section(title))
        .Skip(1)
        .TakeWhile(section => section.Level > 2);

    private HelpEntry Entry(PageSection section) => new(section.Title, section.Line, Text(section));

    private HelpEntry Parameter(PageSection section)
    {
        if (!section.Title.StartsWith('-'))
        {
            _problems.Add(_file, section.Line, $"A parameter's section is named '-{section.Title}'.");
        }

        return Entry(section) with { Name = section.Title.TrimStart('-') };
    }

    private HelpExample Example(PageSection section)
    {
        HelpStep[] steps = [.. section.Blocks.OfType<FencedCodeBlock>().Select(Step)];
        if (steps.All(step => step.IsOutput) || !steps.Any(step => step.IsOutput))
        {
            _problems.Add(_file, section.Line, "An example has a block of powershell and one of output.");
        }

        return new HelpExample(section.Title, steps,
            PlainText.Paragraphs(section.Blocks.Where(block => block is not FencedCodeBlock), _file, _problems));
    }

    private HelpStep Step(FencedCodeBlock block)
    {
        if (block.Info is not ("powershell" or "output"))
        {
            _problems.Add(_file, block.Line + 1, "A block of code in an example is powershell or output.");
        }

        return new HelpStep(block.Info == "output", PlainText.Code(block));
    }

    private IEnumerable<HelpLink> Links() =>
        from block in Section("RELATED LINKS")?.Blocks.OfType<ParagraphBlock>() ?? []
        from link in block.Inline!.OfType<LinkInline>()
        select Link(PlainText.Of(link), link.Url ?? string.Empty);

    /// <summary>Get-Help -Online opens the first address that there is: the others become text.</summary>
    private static HelpLink Link(string text, string address) => text == OnlineLink
        ? new(text, address)
        : new(Uri.IsWellFormedUriString(address, UriKind.Absolute) ? $"{text}: {address}" : text, string.Empty);
}

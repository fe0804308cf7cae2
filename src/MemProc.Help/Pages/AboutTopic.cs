using System.Text;
using Markdig.Syntax;

namespace MemProc.Help;

/// <summary>A conceptual help topic (about_*), as text that Get-Help shows unchanged.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Text">Its text.</param>
internal sealed record AboutTopic(string Name, string Text)
{
    private const int Width = 78;
    private const string Margin = "    ";

    /// <summary>The first section: Get-Help takes the synopsis of a topic from the fifth line of the file.</summary>
    private const string FirstTitle = "SHORT DESCRIPTION";

    /// <summary>Reads the topics in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="problems">Receives the problems of the pages.</param>
    public static IEnumerable<AboutTopic> ReadAll(string folder, Problems problems) =>
        from file in PageSection.Files(folder)
        where Path.GetFileName(file).StartsWith("about_", StringComparison.Ordinal)
        select Read(file, problems);

    private static AboutTopic Read(string file, Problems problems)
    {
        string name = Path.GetFileNameWithoutExtension(file);
        IReadOnlyList<PageSection> sections = PageSection.Read(file, problems);
        if (sections is not [_, { Level: 2, Title: FirstTitle, Blocks: [ParagraphBlock synopsis] }, ..]
            || Margin.Length + PlainText.Of(synopsis.Inline).Length > Width)
        {
            problems.Add(file, 1, $"A topic must begin with '## {FirstTitle}' and a sentence of one line.");
        }

        StringBuilder text = new();
        text.Append("TOPIC\n").Append(Margin).Append(name).Append('\n');
        foreach (PageSection section in sections.Skip(1))
        {
            text.Append('\n').Append(section.Level > 2 ? "  " : string.Empty).Append(section.Title).Append('\n');
            text.Append(string.Join("\n\n", section.Blocks.SelectMany(block =>
                Paragraphs(block, file, problems)))).Append('\n');
        }

        return new AboutTopic(name, text.ToString());
    }

    private static IEnumerable<string> Paragraphs(Block block, string file, Problems problems) =>
        from paragraph in PlainText.Paragraphs([block], file, problems)
        select PlainText.Indent(
            block is CodeBlock ? paragraph : TextWrap.Wrap(paragraph, Width - Margin.Length), Margin);
}

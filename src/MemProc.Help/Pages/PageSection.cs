using Markdig;
using Markdig.Syntax;

namespace MemProc.Help;

/// <summary>A heading of a page and the blocks after it, up to the next heading of any level.</summary>
/// <param name="Level">The heading's level: 1 for the page's title.</param>
/// <param name="Title">The heading's text.</param>
/// <param name="Line">The heading's line, from 1.</param>
/// <param name="Blocks">The blocks after the heading.</param>
internal sealed record PageSection(int Level, string Title, int Line, IReadOnlyList<Block> Blocks)
{
    /// <summary>Tables are parsed so that they are reported: help cannot show them.</summary>
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().Build();

    /// <summary>Returns the markdown files of a folder, by name.</summary>
    public static IEnumerable<string> Files(string folder) =>
        Directory.EnumerateFiles(folder, "*.md").Order(StringComparer.Ordinal);

    /// <summary>Reads the sections of a page, its title first.</summary>
    /// <param name="file">The page.</param>
    /// <param name="problems">Receives the problems of the page.</param>
    public static IReadOnlyList<PageSection> Read(string file, Problems problems)
    {
        List<PageSection> sections = [];
        List<Block> blocks = [];
        foreach (Block block in Markdown.Parse(File.ReadAllText(file), Pipeline))
        {
            if (block is HeadingBlock heading)
            {
                blocks = [];
                sections.Add(new(heading.Level, PlainText.Of(heading.Inline), heading.Line + 1, blocks));
            }
            else
            {
                blocks.Add(block);
            }
        }

        string name = Path.GetFileNameWithoutExtension(file);
        if (sections is not [{ Level: 1 } title, ..] || title.Title != name)
        {
            problems.Add(file, 1, $"The page must begin with '# {name}'.");
        }

        return sections;
    }
}

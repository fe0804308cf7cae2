using Markdig;
using Markdig.Syntax;

namespace MemProc.Help;

/// <summary>A heading of a page and the blocks below it, up to the next heading of any level.</summary>
/// <param name="Level">The heading's level: 1 for the page's title.</param>
/// <param name="Title">The heading's text.</param>
/// <param name="Line">The heading's line, from 1.</param>
/// <param name="Blocks">What stands below it.</param>
internal sealed record PageSection(int Level, string Title, int Line, IReadOnlyList<Block> Blocks)
{
    /// <summary>Tables are known so that they are noticed: help has no form for them.</summary>
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().Build();

    /// <summary>The sections of a page, its title first.</summary>
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
            problems.Add(file, 1, $"The page begins with '# {name}'.");
        }

        return sections;
    }
}

using System.Text;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace MemProc.Help;

/// <summary>Converts Markdown to plain text.</summary>
internal static class PlainText
{
    /// <summary>
    /// Returns the paragraphs of blocks. A list is one paragraph with a line for each item, and so is a block of code. A
    /// block that help cannot show is a problem.
    /// </summary>
    /// <param name="blocks">The blocks.</param>
    /// <param name="file">The page of the blocks.</param>
    /// <param name="problems">Receives the problems.</param>
    public static string[] Paragraphs(IEnumerable<Block> blocks, string file, Problems problems)
    {
        List<string> paragraphs = [];
        foreach (Block block in blocks)
        {
            switch (block)
            {
                case ParagraphBlock paragraph:
                    paragraphs.Add(Of(paragraph.Inline));
                    break;
                case CodeBlock code:
                    paragraphs.Add(Indent(Code(code), "    "));
                    break;
                case ListBlock list:
                    paragraphs.Add(string.Join('\n', list.Cast<ListItemBlock>().Select(item =>
                        Indent(string.Join('\n', Paragraphs(item, file, problems)), "  ", first: "- "))));
                    break;
                default:
                    problems.Add(file, block.Line + 1, "Help can show paragraphs, lists and blocks of code only.");
                    break;
            }
        }

        return [.. paragraphs];
    }

    /// <summary>Returns the text of a line or paragraph.</summary>
    public static string Of(ContainerInline? inlines)
    {
        StringBuilder text = new();
        Append(text, inlines);
        return text.ToString().Trim();
    }

    /// <summary>Returns the lines of a block of code.</summary>
    public static string Code(CodeBlock code) => code.Lines.ToString().TrimEnd();

    /// <summary>Puts a prefix before each line.</summary>
    /// <param name="text">The lines.</param>
    /// <param name="prefix">The prefix.</param>
    /// <param name="first">The prefix of the first line, if it differs.</param>
    public static string Indent(string text, string prefix, string? first = null) =>
        (first ?? prefix) + text.Replace("\n", $"\n{prefix}", StringComparison.Ordinal);

    private static void Append(StringBuilder text, ContainerInline? inlines)
    {
        foreach (Inline inline in inlines?.AsEnumerable() ?? [])
        {
            switch (inline)
            {
                case LiteralInline literal:
                    text.Append(literal.Content.AsSpan());
                    break;
                case CodeInline code:
                    text.Append(code.Content);
                    break;
                case HtmlEntityInline entity:
                    text.Append(entity.Transcoded.AsSpan());
                    break;
                case AutolinkInline link:
                    text.Append(link.Url);
                    break;
                case LineBreakInline:
                    text.Append(' ');
                    break;
                case ContainerInline container:
                    Append(text, container);
                    break;
            }
        }
    }
}

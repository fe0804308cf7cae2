using System.Text;

namespace MemProc.Help;

/// <summary>
/// Wraps text between words. Get-Help does so only for languages that it knows; where no language is set, as in most
/// containers, it breaks lines within words.
/// </summary>
internal static class TextWrap
{
    /// <summary>Wraps each line of a text. The lines of a list item are indented after its bullet.</summary>
    /// <param name="text">The lines.</param>
    /// <param name="width">The maximum length of a line. A longer word has its own line.</param>
    public static string Wrap(string text, int width) =>
        string.Join('\n', text.Split('\n').Select(line => WrapLine(line, width)));

    private static string WrapLine(string line, int width)
    {
        int content = line.Length - line.TrimStart().Length;
        string words = line[content..];
        string indent = new(' ', content + (words.StartsWith("- ", StringComparison.Ordinal) ? 2 : 0));
        StringBuilder result = new(line[..content]);
        int column = content;
        foreach (string word in words.Split(' '))
        {
            if (column + word.Length > width && column > indent.Length)
            {
                // Remove the space before the break.
                result.Length--;
                result.Append('\n').Append(indent);
                column = indent.Length;
            }

            result.Append(word).Append(' ');
            column += word.Length + 1;
        }

        return result.ToString().TrimEnd();
    }
}

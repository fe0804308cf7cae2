using System.Text;

namespace MemProc.Help;

/// <summary>
/// Breaks text between words. Get-Help does so itself for the languages that it knows, and in the middle of words
/// where none is set, as in most containers.
/// </summary>
internal static class TextWrap
{
    /// <summary>Breaks each line of a text; what follows an item's bullet stays behind it.</summary>
    /// <param name="text">Lines.</param>
    /// <param name="width">The longest line wanted. A longer word has a line of its own.</param>
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
                // The blank before the break.
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

using System.Text;

namespace MemProc.Help;

/// <summary>Writes roff with the man macros.</summary>
internal sealed class RoffWriter
{
    private readonly StringBuilder _text = new();

    /// <summary>A heading is the last line. The paragraph after it begins by itself.</summary>
    private bool _isAfterHeading;

    /// <summary>Writes a macro with arguments.</summary>
    public void Macro(string name, params string[] arguments)
    {
        _text.Append('.').Append(name);
        foreach (string argument in arguments)
        {
            _text.Append(" \"").Append(Escape(argument).Replace("\"", "\\(dq", StringComparison.Ordinal)).Append('"');
        }

        _text.Append('\n');
        _isAfterHeading = name is "SH" or "SS";
    }

    /// <summary>Writes paragraphs. The lines of an indented paragraph, which is code, stay as they are.</summary>
    public void Paragraphs(IEnumerable<string> paragraphs)
    {
        foreach (string paragraph in paragraphs)
        {
            if (paragraph.StartsWith("    ", StringComparison.Ordinal))
            {
                Code(paragraph.Split('\n').Select(line => line.TrimStart()));
            }
            else
            {
                BeginParagraph();
                Text(paragraph);
            }
        }
    }

    /// <summary>Writes a term and its description.</summary>
    public void Item(string term, string description)
    {
        if (term == "•")
        {
            _text.Append(".IP \\(bu 2\n");
        }
        else
        {
            _text.Append(".TP\n.B ").Append(Escape(term)).Append('\n');
        }

        Text(description);
    }

    /// <summary>Writes lines that are not filled.</summary>
    public void Code(IEnumerable<string> lines)
    {
        BeginParagraph();
        _text.Append(".RS 4\n.nf\n");
        foreach (string line in lines)
        {
            Text(line);
        }

        _text.Append(".fi\n.RE\n");
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    private void BeginParagraph()
    {
        if (!_isAfterHeading)
        {
            _text.Append(".PP\n");
        }

        _isAfterHeading = false;
    }

    /// <summary>Writes lines of text. At the start of a line, a dot or an apostrophe would begin a macro.</summary>
    private void Text(string text)
    {
        _isAfterHeading = false;
        foreach (string line in text.Split('\n'))
        {
            _text.Append(line.StartsWith('.') || line.StartsWith('\'') ? "\\&" : "").Append(Escape(line)).Append('\n');
        }
    }

    /// <summary>Escapes what roff would replace, such as a dash by a hyphen that cannot be copied into a shell.</summary>
    private static string Escape(string text)
    {
        StringBuilder escaped = new(text.Length);
        foreach (char character in text)
        {
            escaped.Append(character switch
            {
                '\\' => "\\(rs",
                '-' => "\\-",
                '\'' => "\\(aq",
                '^' => "\\(ha",
                '~' => "\\(ti",
                '`' => "\\(ga",
                '…' => "...",
                < (char)128 => character.ToString(),
                _ => $"\\[u{(int)character:X4}]",
            });
        }

        return escaped.ToString();
    }
}

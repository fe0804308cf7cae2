using System.CommandLine;
using System.CommandLine.Completions;

namespace MemProc.Cli;

/// <summary>Completes an unfinished command line for the scripts of shells.</summary>
internal static class CompletionWriter
{
    /// <summary>
    /// The first argument with which a script calls memproc. The second one is the text from memproc's name to the cursor.
    /// </summary>
    public const string Directive = "[complete]";

    /// <summary>
    /// Writes the words that can complete the last word of a text: a line each, with a tab before the description.
    /// </summary>
    /// <param name="root">All commands.</param>
    /// <param name="text">The command line after the name of the program, up to the cursor.</param>
    /// <param name="output">Receives the lines.</param>
    public static void Write(RootCommand root, string text, TextWriter output)
    {
        CompletionSources.AddTo(root);
        foreach ((string word, string? description) in Complete(root, text))
        {
            output.Write(SafeText.Escape(word));
            output.Write('\t');
            output.Write(SafeText.Escape(Summary(description ?? string.Empty)));
            output.Write('\n');
        }
    }

    /// <summary>Returns the first statement of a description, which has to fit on a line beside the word.</summary>
    private static string Summary(string description)
    {
        int end = description.AsSpan().IndexOfAny('.', ':', ',');
        return end > 0 && (end + 1 == description.Length || description[end + 1] == ' ') ? description[..end] : description;
    }

    private static IEnumerable<(string Word, string? Description)> Complete(RootCommand root, string text)
    {
        int start = text.LastIndexOfAny([' ', '\t']) + 1;
        string word = text[start..], prefix = string.Empty;
        if (word.StartsWith("--", StringComparison.Ordinal) && word.IndexOf('=', StringComparison.Ordinal) is > 0 and int equals)
        {
            // --option=value is completed as --option value is.
            prefix = word[..(equals + 1)];
            word = word[(equals + 1)..];
            text = $"{text[..start]}{prefix[..^1]} {word}";
        }

        ParseResult parsed = root.Parse(text);
        if (parsed.UnmatchedTokens.Any(token => token != word))
        {
            // A command or option that does not exist: nothing is known of what follows it.
            yield break;
        }

        bool takesOptions = word.StartsWith('-') || !HasFreeArgument(parsed, word);
        foreach (CompletionItem item in parsed.GetCompletions(text.Length))
        {
            string name = item.InsertText ?? item.Label;
            bool isOption = name.StartsWith('-');
            if (name.StartsWith(word, StringComparison.Ordinal) && name is not ("-?" or "-h") && (!isOption || takesOptions))
            {
                yield return (prefix + name, item.Detail);
            }
        }
    }

    /// <summary>
    /// Returns whether the word can be a command or an argument. Then options are shown only after a dash, so that the
    /// shell can complete the names of files.
    /// </summary>
    private static bool HasFreeArgument(ParseResult parsed, string word)
    {
        Command command = parsed.CommandResult.Command;
        int words = command.Arguments.Sum(argument => parsed.GetResult(argument)?.Tokens.Count ?? 0) - (word.Length > 0 ? 1 : 0);
        return command.Subcommands.Count > 0
            || words < command.Arguments.Sum(argument => Math.Min(argument.Arity.MaximumNumberOfValues, 1000));
    }
}

using System.Globalization;
using System.Text;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Makes text from a process safe for a terminal: a path or a name can contain escape sequences.
/// </summary>
public static class SafeText
{
    /// <summary>
    /// Replaces what a terminal would act on by visible escapes such as <c>\x1b</c>: C0 and C1 control characters, DEL,
    /// line separators, bidirectional controls, invisible characters, tags, lone surrogates.
    /// </summary>
    public static string Escape(string text)
    {
        int first = text.AsSpan().IndexOfAnyExceptInRange(' ', '~');
        first = first < 0 ? text.Length : first;
        while (first < text.Length && !IsUnsafe(text, first))
        {
            first++;
        }

        if (first == text.Length)
        {
            return text;
        }

        StringBuilder result = new(text, 0, first, text.Length + 16);
        for (int index = first; index < text.Length; index++)
        {
            char character = text[index];
            if (!IsUnsafe(text, index))
            {
                result.Append(character);
            }
            else if (character <= 0xff || PathText.IsEscape(character))
            {
                // A byte of a path that is not UTF-8 is shown as that byte.
                result.Append("\\x").Append(((byte)character).ToString("x2", CultureInfo.InvariantCulture));
            }
            else
            {
                result.Append("\\u").Append(((int)character).ToString("x4", CultureInfo.InvariantCulture));
            }
        }

        return result.ToString();
    }

    /// <summary>Shortens text in the middle, so that a path keeps both its root and its file name.</summary>
    /// <param name="text">The text.</param>
    /// <param name="width">Maximum length of the result, in characters; at least 8.</param>
    public static string ShortenMiddle(string text, int width)
    {
        width = Math.Max(width, 8);
        if (text.Length <= width)
        {
            return text;
        }

        int tail = (width - 1) * 2 / 3;
        int head = width - 1 - tail;
        return string.Concat(text.AsSpan(0, head), "…", text.AsSpan(text.Length - tail));
    }

    private static bool IsUnsafe(string text, int index)
    {
        char character = text[index];
        return char.IsControl(character)
            || character is '\u00ad' or '\u061c' or '\u2028' or '\u2029' or '\u200b' or '\u200e' or '\u200f'
                or (>= '\u202a' and <= '\u202e') or (>= '\u2060' and <= '\u206f') or '\ufeff'
            || (char.IsSurrogate(character) && (!IsPaired(text, index) || IsTag(text, index)));
    }

    /// <summary>Whether a surrogate pair is one of the invisible tag characters, U+E0000 to U+E007F.</summary>
    private static bool IsTag(string text, int index)
    {
        int high = char.IsHighSurrogate(text[index]) ? index : index - 1;
        return char.ConvertToUtf32(text[high], text[high + 1]) is >= 0xe0000 and <= 0xe007f;
    }

    private static bool IsPaired(string text, int index) => char.IsHighSurrogate(text[index])
        ? index + 1 < text.Length && char.IsLowSurrogate(text[index + 1])
        : index > 0 && char.IsHighSurrogate(text[index - 1]);
}

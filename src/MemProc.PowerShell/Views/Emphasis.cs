using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace MemProc.PowerShell;

/// <summary>Formats findings for views, so that what a user looks for stands out.</summary>
public static class Emphasis
{
    /// <summary>Formats the path of a mapping, with a suffix where the file is deleted.</summary>
    public static string MapPath(object? path, object? isDeleted, PSHost? host, int used) => LanguagePrimitives.IsTrue(isDeleted)
        ? ViewStyle.Notice(View.Path($"{path} (deleted)", host, used))
        : View.Path(path, host, used);

    /// <summary>Formats permissions: writable and executable memory stands out, memory without access is faint.</summary>
    public static string Permissions(object? permissions) => View.Text(permissions) switch
    {
        [_, 'w', 'x', ..] text => ViewStyle.Alert(text),
        ['-', '-', '-', ..] text => ViewStyle.Faint(text),
        var text => text,
    };

    /// <summary>Formats the state of a page: faint where it is not in memory.</summary>
    public static string PageState(object? state, object? isPresent) =>
        LanguagePrimitives.IsTrue(isPresent) ? View.Text(state) : ViewStyle.Faint(View.Text(state));

    /// <summary>Formats an answer whether something is allowed: a refusal stands out.</summary>
    public static string Allowed(object? isAllowed)
    {
        string answer = View.Answer(isAllowed);
        return answer == "yes" ? answer : ViewStyle.Alert(answer);
    }

    /// <summary>Formats the flags of a frame: those of a poisoned one stand out.</summary>
    public static string FrameFlags(object? flags) => IsPoisoned(flags) ? ViewStyle.Alert(View.Names(flags)) : View.Names(flags);

    /// <summary>Formats the kind of a frame: that of a poisoned one stands out.</summary>
    public static string FrameKind(object? kind, object? flags) => IsPoisoned(flags) ? ViewStyle.Alert($"{kind}") : $"{kind}";

    /// <summary>Formats the explanation of a difference from a file: a difference that has none stands out.</summary>
    public static string Explanation(object? kind, object? explanation) => $"{kind}" != nameof(ImageDifferenceKind.Content) ? "-"
        : $"{explanation}" == nameof(ImageExplanation.None) ? ViewStyle.Alert($"{explanation}")
        : $"{explanation}";

    private static bool IsPoisoned(object? flags) =>
        flags is IEnumerable many and not string && many.Cast<object>().Any(flag => $"{flag}" == "hwpoison");
}

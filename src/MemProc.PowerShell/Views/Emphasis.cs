using System.Collections;

namespace MemProc.PowerShell;

/// <summary>Formats findings for views, so that what a user looks for stands out.</summary>
public static class Emphasis
{
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

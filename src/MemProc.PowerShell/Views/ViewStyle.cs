using System.Management.Automation;

namespace MemProc.PowerShell;

/// <summary>
/// Colors parts of views by the user's <c>$PSStyle</c>. PowerShell removes the colors where output is redirected; with
/// NO_COLOR, or OutputRendering PlainText, there are none.
/// </summary>
internal static class ViewStyle
{
    /// <summary>PowerShell's object of styles. The reference assembly, which serves older versions, does not have it.</summary>
    private static readonly Lazy<PSObject?> Style = new(() =>
        typeof(PSObject).Assembly.GetType("System.Management.Automation.PSStyle")?.GetProperty("Instance")?.GetValue(null) is { } style
            ? PSObject.AsPSObject(style)
            : null);

    /// <summary>Marks what is dangerous.</summary>
    public static string Alert(string text) => Wrap(text, "Formatting", "Error");

    /// <summary>Marks what is unusual.</summary>
    public static string Notice(string text) => Wrap(text, "Formatting", "Warning");

    /// <summary>Marks what is not there.</summary>
    public static string Faint(string text) => Wrap(text, null, "Dim");

    private static string Wrap(string text, string? group, string name)
    {
        if (text.Length == 0 || Style.Value is not PSObject style || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            || Property(style, "OutputRendering")?.ToString() == "PlainText")
        {
            return text;
        }

        object? holder = group is null ? style : Property(style, group);
        return holder is not null && Property(PSObject.AsPSObject(holder), name) is string start
            && Property(style, "Reset") is string reset
            ? start + text + reset
            : text;
    }

    private static object? Property(PSObject item, string name) => item.Properties[name]?.Value;
}

using System.Globalization;

namespace MemProc.PowerShell;

/// <summary>
/// Makes a span of time of a number of milliseconds or a text such as <c>2s</c>; PowerShell alone would take a number
/// for ticks of 100 ns.
/// </summary>
public sealed class DurationTransformationAttribute : ValueTransformationAttribute
{
    private protected override object Make(object? given) => given is TimeSpan span
        ? span
        : Duration.Parse(Convert.ToString(given, CultureInfo.InvariantCulture) ?? string.Empty);
}

using System.Globalization;

namespace MemProc;

/// <summary>Sizes as text with a binary unit.</summary>
public static class HumanSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>
    /// Formats a number of bytes in the largest unit of which it is at least one: <c>132 KiB</c>, <c>1.5 GiB</c>. One
    /// decimal place when the number is not whole.
    /// </summary>
    public static string Format(ulong bytes)
    {
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < Units.Length - 1)
        {
            value /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {Units[unit]}");
    }
}

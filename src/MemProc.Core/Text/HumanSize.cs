using System.Globalization;

namespace MemProc;

/// <summary>Sizes for people.</summary>
public static class HumanSize
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>
    /// A number of bytes in the largest unit that leaves at least one whole: <c>132 KiB</c>, <c>1.5 GiB</c>. One
    /// decimal where the number is not whole.
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

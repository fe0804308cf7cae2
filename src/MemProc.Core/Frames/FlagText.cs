using System.Globalization;
using MemProc.Interop;

namespace MemProc;

/// <summary>Parses page flags that are written as text.</summary>
public static class FlagText
{
    /// <summary>
    /// Returns the bits of a flag: a name, <c>bit27</c> for a bit without a name, or a mask such as <c>0x10</c>.
    /// </summary>
    /// <exception cref="ArgumentException">It is not a flag.</exception>
    public static ulong Parse(string text) => KernelPageFlag.ByName(text)?.Mask ?? (IsMask(text, out ulong mask)
        ? mask
        : text.StartsWith("bit", StringComparison.OrdinalIgnoreCase) && int.TryParse(text.AsSpan(3), out int bit)
        && bit is >= 0 and < 64
        ? 1UL << bit
        : throw new ArgumentException($"There is no page flag '{SafeText.Escape(text)}'. The flags are "
            + $"{string.Join(", ", KernelPageFlag.All.Select(flag => flag.Name))}; a bit without a name is bit27."));

    /// <summary>
    /// Returns the bits of a set of flags: a number in decimal or <c>0x</c> hex, or flags separated by commas.
    /// </summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static ulong ParseSet(string text)
    {
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number))
        {
            return number;
        }

        try
        {
            return text.Split(',', StringSplitOptions.TrimEntries).Aggregate(0UL, (set, flag) => set | Parse(flag));
        }
        catch (ArgumentException error)
        {
            throw new FormatException(error.Message, error);
        }
    }

    private static bool IsMask(string text, out ulong mask)
    {
        mask = 0;
        return text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out mask);
    }
}

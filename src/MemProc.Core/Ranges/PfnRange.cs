namespace MemProc;

/// <summary>A range of consecutive page frames.</summary>
/// <param name="First">The first frame number.</param>
/// <param name="Count">Number of frames, at least 1.</param>
public readonly record struct PfnRange(ulong First, ulong Count = 1)
{
    /// <summary>
    /// Whether the range ends with the machine's last frame. <see cref="Count"/> then reaches beyond it.
    /// </summary>
    public bool IsOpen { get; init; }

    /// <summary>The first number after the range; the largest number where it would be larger.</summary>
    public ulong End => First + Math.Min(Count, ulong.MaxValue - First);

    /// <summary>The advice where a frame does not exist: a physical address is easily taken for a frame number.</summary>
    internal const string Advice = "A frame number is a physical address divided by the page size. Specify a physical "
        + "address by -PhysicalAddress or --physical-address.";

    /// <summary>Returns the frame that contains a physical address.</summary>
    public static PfnRange OfPhysicalAddress(ulong address) => new(address / MachinePage.SizeBytes);

    /// <summary>
    /// Parses a physical address, or two with <c>..</c> between: the frames from that of the first to that of the last.
    /// </summary>
    /// <exception cref="FormatException">The text is not a physical address or range.</exception>
    public static PfnRange ParsePhysicalAddress(string text)
    {
        string[] ends = text.Split("..");
        try
        {
            ulong first = NumberText.Parse(ends[0]);
            ulong last = ends.Length == 1 ? first : NumberText.Parse(ends[1]);
            return ends.Length <= 2 && last >= first
                ? new PfnRange(
                    first / MachinePage.SizeBytes, last / MachinePage.SizeBytes - first / MachinePage.SizeBytes + 1)
                : throw new FormatException("Not a range.");
        }
        catch (FormatException error)
        {
            throw new FormatException(
                $"'{SafeText.Escape(text)}' is not a valid physical address. Write 0xcd8c000, or cd8c000 (a text with "
                + "a letter a to f is hex), or a decimal number, or two with .. between.", error);
        }
    }

    /// <summary>
    /// Parses <c>N</c>, or <c>N..M</c> with both ends included. Numbers are written as addresses are.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="allowOpen">Whether <c>N..</c> and <c>..M</c> are accepted: to the last frame, and from the first.</param>
    /// <exception cref="FormatException">The text is not a frame number or range.</exception>
    public static PfnRange Parse(string text, bool allowOpen = false)
    {
        string[] ends = text.Split("..");
        try
        {
            bool isOpen = ends.Length == 2 && ends[1].Length == 0;
            if (!allowOpen && ends.Length == 2 && (isOpen || ends[0].Length == 0))
            {
                throw new FormatException("Not a closed range.");
            }

            ulong first = ends.Length == 2 && ends[0].Length == 0 ? 0 : NumberText.Parse(ends[0]);
            if (isOpen)
            {
                return new PfnRange(first, ulong.MaxValue - first) { IsOpen = true };
            }

            ulong last = ends.Length == 1 ? first : NumberText.Parse(ends[1]);
            return ends.Length <= 2 && last >= first && last - first < ulong.MaxValue
                ? new PfnRange(first, last - first + 1)
                : throw new FormatException("Not a range.");
        }
        catch (FormatException error)
        {
            throw new FormatException(
                $"'{SafeText.Escape(text)}' is not a valid frame number. Write 0xc963, or c963 (a text with a "
                + "letter a to f is hex), or a decimal number, or two with .. between"
                + (allowOpen ? ", of which one can be missing." : "."), error);
        }
    }
}

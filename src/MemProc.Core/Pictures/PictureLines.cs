using System.Globalization;
using System.Text;

namespace MemProc;

/// <summary>
/// Writes pictures as lines of text. A cell is a letter, on its color where the lines are colored. A capital letter has at
/// least half of the cell.
/// </summary>
/// <param name="isColored">Write escape sequences for colors.</param>
internal sealed class PictureLines(bool isColored)
{
    /// <summary>Characters before a strip.</summary>
    public const int Indent = 2;

    private string Reset => isColored ? "\e[0m" : string.Empty;

    private string Bold => isColored ? "\e[1m" : string.Empty;

    private string Dim => isColored ? "\e[2m" : string.Empty;

    /// <summary>Returns the cells of a row that fit a number of characters.</summary>
    public static int ColumnsOf(int width) => Math.Clamp(width - Indent, 16, 400);

    /// <summary>Writes an address space.</summary>
    public IReadOnlyList<string> Of(MapPicture picture)
    {
        List<string> lines = [$"{Bold}{picture.Title}{Reset}, process {picture.Process}, "
            + string.Create(CultureInfo.InvariantCulture, $"{HumanSize.Format(picture.MappedBytes)} in {picture.MapCount} mappings")];
        foreach (PictureRegion region in picture.Regions)
        {
            lines.Add(region.HoleBytes == 0 ? string.Empty
                : $"{new string(' ', Indent)}{Dim}⋮ {HumanSize.Format(region.HoleBytes)} not mapped{Reset}");
            lines.Add(Heading(region));
            AddRows(lines, region.Cells, region.Columns, 1, picture.Legend);
        }

        lines.Add(string.Empty);
        AddLegend(lines, picture.Legend, picture.Regions[0].Columns);
        return lines;
    }

    /// <summary>Writes frames of the machine, two characters a cell.</summary>
    public IReadOnlyList<string> Of(FramePicture picture)
    {
        List<string> lines =
        [
            $"{Bold}{picture.Title}{Reset}, {HumanSize.Format(picture.SizeBytes)}, {HumanSize.Format(picture.CellBytes)} a cell",
            $"{Dim}along a Hilbert curve from the top left to the top right{Reset}", string.Empty,
        ];
        AddRows(lines, picture.Cells, picture.Side, 2, picture.Legend);
        lines.Add(string.Empty);
        AddLegend(lines, picture.Legend, Math.Max(picture.Side * 2, 60));
        return lines;
    }

    private string Heading(PictureRegion region)
    {
        string start = string.Create(CultureInfo.InvariantCulture, $"0x{region.Start:x}");
        string scale = $"{HumanSize.Format(region.SizeBytes)}, {HumanSize.Format(region.CellBytes)} a cell";
        int width = region.Columns + Indent - start.Length - scale.Length - 4;
        return $"{start}  {Bold}{SafeText.ShortenMiddle(SafeText.Escape(region.Name), width)}{Reset}  {Dim}{scale}{Reset}";
    }

    private void AddRows(List<string> lines, OutputList<PictureCell> cells, int columns, int repeat,
        OutputList<PictureLegendEntry> legend)
    {
        StringBuilder line = new();
        for (int first = 0; first < cells.Count; first += columns)
        {
            line.Clear().Append(' ', repeat == 1 ? Indent : 0);
            int style = -1;
            for (int index = first; index < Math.Min(first + columns, cells.Count); index++)
            {
                PictureCell cell = cells[index];
                int next = cell.Value < 0 ? -1 : cell.Value * 8 + cell.Share;
                if (next != style)
                {
                    line.Append(style < 0 ? string.Empty : Reset)
                        .Append(next < 0 ? string.Empty : Colors(legend[cell.Value].Value.Color, cell.Share));
                    style = next;
                }

                line.Append(cell.Value < 0 ? ' ' : LetterOf(legend[cell.Value].Letter, cell.Share), repeat);
            }

            lines.Add(style < 0 ? line.ToString().TrimEnd() : line.Append(Reset).ToString());
        }
    }

    private static char LetterOf(char letter, int share) => share > 2 ? letter : char.ToLowerInvariant(letter);

    private void AddLegend(List<string> lines, OutputList<PictureLegendEntry> legend, int width)
    {
        StringBuilder line = new();
        int length = 0;
        foreach (PictureLegendEntry entry in legend)
        {
            string text = $"{SafeText.Escape(entry.Name)} {HumanSize.Format(entry.SizeBytes)}";
            if (length > 0 && length + text.Length + 6 > width)
            {
                lines.Add(line.ToString());
                line.Clear();
                length = 0;
            }

            line.Append(length == 0 ? new string(' ', Indent) : "   ").Append(Colors(entry.Value.Color, 4)).Append(entry.Letter)
                .Append(Reset).Append(' ').Append(text);
            length += text.Length + 5;
        }

        lines.Add(line.ToString());
    }

    /// <summary>
    /// Returns the escape sequence of a cell: the color as background, paler where little of the cell has it, and a letter that
    /// can be read on it.
    /// </summary>
    private string Colors(uint color, int share)
    {
        if (!isColored)
        {
            return string.Empty;
        }

        // What has no pages is no more than a trace, or it would dominate the picture.
        if (color == PictureValues.Neutral)
        {
            return Dim;
        }

        // Toward a middle gray, which is neither the light nor the dark background.
        double weight = share switch { 1 => 0.45, 2 => 0.65, 3 => 0.85, _ => 1 };
        int Mix(int shift) => (int)((color >> shift & 0xff) * weight + 0x77 * (1 - weight));
        (int red, int green, int blue) = (Mix(16), Mix(8), Mix(0));
        // Its own color, darker: a texture that does not hide the color.
        double luminance = 0.299 * red + 0.587 * green + 0.114 * blue;
        int Shade(int part) => luminance < 90 ? part + (255 - part) / 3 : part * 2 / 3;
        return string.Create(CultureInfo.InvariantCulture,
            $"\e[48;2;{red};{green};{blue}m\e[38;2;{Shade(red)};{Shade(green)};{Shade(blue)}m");
    }
}

using System.Globalization;
using System.Text;

namespace MemProc;

/// <summary>Writes pictures as SVG, for light and dark backgrounds, with a tooltip for each part.</summary>
internal sealed class PictureSvg
{
    /// <summary>Cells of a row of an address space.</summary>
    public const int Columns = 115;

    private const int Margin = 20, CellWidth = 8, RowHeight = 16, Width = 2 * Margin + Columns * CellWidth;
    private const int FrameCell = 9, LegendWidth = 230;

    private readonly StringBuilder _body = new();
    private readonly IReadOnlyList<PictureLegendEntry> _legend;
    private int _y = Margin;

    private PictureSvg(IReadOnlyList<PictureLegendEntry> legend) => _legend = legend;

    /// <summary>Writes an address space.</summary>
    public static string Of(MapPicture picture)
    {
        PictureSvg svg = new(picture.Legend);
        svg.Title(picture.Title, string.Create(CultureInfo.InvariantCulture,
            $"process {picture.Process}, {HumanSize.Format(picture.MappedBytes)} in {picture.MapCount} mappings"));
        foreach (PictureRegion region in picture.Regions)
        {
            svg.Region(region);
        }

        svg.Legend();
        return svg.Finish(Width, picture.Title);
    }

    /// <summary>Writes frames of the machine.</summary>
    public static string Of(FramePicture picture)
    {
        PictureSvg svg = new(picture.Legend);
        svg.Title(picture.Title, $"{HumanSize.Format(picture.SizeBytes)}, {HumanSize.Format(picture.CellBytes)} a cell, along a Hilbert curve");
        int size = 64 * FrameCell / picture.Side;
        for (int index = 0; index < picture.Cells.Count; index++)
        {
            PictureCell cell = picture.Cells[index];
            if (cell.Value >= 0)
            {
                svg.Rect(cell, Margin + index % picture.Side * size, svg._y + index / picture.Side * size, size, size, cell.Parts);
            }
        }

        int top = svg._y, side = picture.Side * size;
        svg.Legend(Margin + side + 24);
        svg._y = Math.Max(top + side, svg._y);
        return svg.Finish(side + 24 + LegendWidth + 2 * Margin, picture.Title);
    }

    private void Title(string title, string more)
    {
        _y += 14;
        Text(Margin, _y, "t", title, "font-size=\"17\" font-weight=\"600\"");
        _y += 20;
        Text(Margin, _y, "m", more, "font-size=\"13\"");
        _y += 14;
    }

    private void Region(PictureRegion region)
    {
        if (region.HoleBytes > 0)
        {
            _y += 17;
            Text(Margin, _y, "m", $"⋮ {HumanSize.Format(region.HoleBytes)} not mapped", "font-size=\"11\"");
        }

        _y += 20;
        string name = SafeText.ShortenMiddle(SafeText.Escape(region.Name), 60);
        _body.Append(CultureInfo.InvariantCulture, $"<text x=\"{Margin}\" y=\"{_y}\" font-size=\"13\" class=\"t\">")
            .Append(CultureInfo.InvariantCulture, $"<tspan class=\"a\">0x{region.Start:x}</tspan><tspan dx=\"10\" font-weight=\"600\">{Xml(name)}</tspan></text>\n");
        Text(Width - Margin, _y, "m", $"{HumanSize.Format(region.SizeBytes)}, {HumanSize.Format(region.CellBytes)} a cell",
            "font-size=\"12\" text-anchor=\"end\"");
        _y += 6;
        for (int first = 0; first < region.Cells.Count; first += region.Columns)
        {
            Row(region, first, Math.Min(first + region.Columns, region.Cells.Count));
            _y += RowHeight + 2;
        }

        _y -= 2;
    }

    private void Row(PictureRegion region, int first, int end)
    {
        for (int index = first; index < end;)
        {
            PictureCell cell = region.Cells[index];
            int start = index++;
            while (index < end && region.Cells[index].Value == cell.Value && region.Cells[index].Share == cell.Share
                && region.Cells[index].Mappings == cell.Mappings)
            {
                index++;
            }

            if (cell.Value < 0)
            {
                continue;
            }

            ulong address = region.Start + (ulong)start * region.CellBytes;
            ulong size = Math.Min((ulong)(index - start) * region.CellBytes, region.End - address);
            // A line between mappings.
            int gap = index - start > 1 && index < end && region.Cells[index].Mappings != cell.Mappings ? 1 : 0;
            string parts = index - start == 1 ? cell.Parts : _legend[cell.Value].Name;
            Rect(cell, Margin + (start - first) * CellWidth, _y, (index - start) * CellWidth - gap, RowHeight,
                $"{cell.Mappings}\n0x{address:x}, {HumanSize.Format(size)}: {parts}");
        }
    }

    private void Rect(PictureCell cell, int x, int y, int width, int height, string tooltip)
    {
        string opacity = cell.Share switch { 1 => " opacity=\".55\"", 2 => " opacity=\".7\"", 3 => " opacity=\".85\"", _ => string.Empty };
        _body.Append(CultureInfo.InvariantCulture,
            $"<rect class=\"c{cell.Value}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{opacity}><title>")
            .Append(Xml(tooltip)).Append("</title></rect>\n");
    }

    /// <summary>Writes the legend in columns below the picture.</summary>
    private void Legend()
    {
        const int Columns = 4;
        int width = (Width - 2 * Margin) / Columns;
        _y += 24;
        for (int index = 0; index < _legend.Count; index++)
        {
            Entry(index, Margin + index % Columns * width, _y + index / Columns * 22);
        }

        _y += ((_legend.Count - 1) / Columns + 1) * 22;
    }

    /// <summary>Writes the legend beside the picture.</summary>
    private void Legend(int x)
    {
        for (int index = 0; index < _legend.Count; index++)
        {
            Entry(index, x, _y);
            _y += 24;
        }
    }

    private void Entry(int index, int x, int y)
    {
        _body.Append(CultureInfo.InvariantCulture, $"<rect class=\"c{index}\" x=\"{x}\" y=\"{y}\" width=\"14\" height=\"14\" rx=\"2\"/>\n");
        _body.Append(CultureInfo.InvariantCulture, $"<text x=\"{x + 20}\" y=\"{y + 12}\" font-size=\"13\" class=\"t\">")
            .Append(Xml(SafeText.ShortenMiddle(SafeText.Escape(_legend[index].Name), 24)))
            .Append(CultureInfo.InvariantCulture, $"<tspan dx=\"6\" class=\"m\">{HumanSize.Format(_legend[index].SizeBytes)}</tspan></text>\n");
    }

    private void Text(int x, int y, string style, string text, string attributes) => _body.Append(CultureInfo.InvariantCulture,
        $"<text x=\"{x}\" y=\"{y}\" class=\"{style}\" {attributes}>{Xml(text)}</text>\n");

    private string Finish(int width, string title)
    {
        int height = _y + Margin;
        StringBuilder colors = new();
        for (int index = 0; index < _legend.Count; index++)
        {
            if (_legend[index].Value.Color != PictureValues.Neutral)
            {
                colors.Append(CultureInfo.InvariantCulture, $".c{index}{{fill:{_legend[index].Color}}}");
            }
        }

        string neutral = string.Concat(Enumerable.Range(0, _legend.Count)
            .Where(index => _legend[index].Value.Color == PictureValues.Neutral).Select(index => $".c{index}{{fill:VALUE}}"));
        return $$$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{{width}}} {{{height}}}" width="{{{width}}}" height="{{{height}}}" role="img" aria-label="{{{Xml(title)}}}" font-family="system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif">
            <style>.b{fill:#fff}.t{fill:#1f2328}.m{fill:#59636e}.a{font-family:ui-monospace,'DejaVu Sans Mono',monospace}{{{colors}}}{{{neutral.Replace("VALUE", "#d8dde3", StringComparison.Ordinal)}}}
            @media (prefers-color-scheme:dark){.b{fill:#0d1117}.t{fill:#e6edf3}.m{fill:#9198a1}{{{neutral.Replace("VALUE", "#343b44", StringComparison.Ordinal)}}}
            }</style>
            <rect class="b" width="{{{width}}}" height="{{{height}}}"/>
            {{{_body}}}</svg>

            """;
    }

    /// <summary>Escapes a text for XML, which allows neither control characters nor two of Unicode's last ones.</summary>
    internal static string Xml(string text)
    {
        StringBuilder result = new(text.Length + 16);
        foreach (char character in text)
        {
            result.Append(character switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\ufffe' => "\\ufffe",
                '\uffff' => "\\uffff",
                _ => null,
            } ?? character.ToString());
        }

        return result.ToString();
    }
}

using System.Text.Json.Serialization;

namespace MemProc;

/// <summary>The frames of the machine along a Hilbert curve: frames that are close are close in the picture.</summary>
public sealed class FramePicture
{
    internal FramePicture(MapPictureGrouping by, string title, int side, ulong frameCount, ulong cellFrames,
        PictureLegendEntry[] legend, PictureCell[] cells)
    {
        By = by;
        Title = title;
        Side = side;
        SizeBytes = frameCount * MachinePage.SizeBytes;
        CellBytes = cellFrames * MachinePage.SizeBytes;
        Legend = legend;
        Cells = cells;
    }

    /// <summary>What the colors show.</summary>
    public MapPictureGrouping By { get; }

    /// <summary>What the picture shows, in words.</summary>
    public string Title { get; }

    /// <summary>Bytes of all frames that have a struct page.</summary>
    public ulong SizeBytes { get; }

    /// <summary>Bytes that a cell stands for.</summary>
    public ulong CellBytes { get; }

    /// <summary>Cells of a row, and rows.</summary>
    public int Side { get; }

    /// <summary>The colors that occur, and how many bytes each stands for.</summary>
    public OutputList<PictureLegendEntry> Legend { get; }

    /// <summary>The cells, row by row.</summary>
    public OutputList<PictureCell> Cells { get; }

    /// <summary>The picture as lines of text, with escape sequences where it is colored.</summary>
    [JsonIgnore]
    public OutputList<string> Lines => [.. new PictureLines(IsColored).Of(this)];

    /// <summary>Whether the lines have escape sequences for colors.</summary>
    [JsonIgnore]
    public bool IsColored { get; init; }

    /// <summary>Formats it as a sentence.</summary>
    public override string ToString() => $"{Title}: {HumanSize.Format(SizeBytes)}, {HumanSize.Format(CellBytes)} a cell";
}

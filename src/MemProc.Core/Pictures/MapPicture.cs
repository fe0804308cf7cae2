using System.Text.Json.Serialization;

namespace MemProc;

/// <summary>What the colors of a picture of memory show.</summary>
public enum MapPictureGrouping
{
    /// <summary>The kind of the mapping; of frames, what they are used for.</summary>
    Kind,
    /// <summary>The permissions. A writable and executable mapping always shows.</summary>
    Permission,
    /// <summary>Whether pages are in memory, in swap, or neither; of a core, whether they are saved.</summary>
    Residency,
    /// <summary>Whether pages in memory belong to the process alone.</summary>
    Sharing,
    /// <summary>The NUMA node of pages in memory.</summary>
    Node,
    /// <summary>Whether pages in memory were written to.</summary>
    Dirty,
    /// <summary>What the frames of pages in memory are. Requires root.</summary>
    Frame,
    /// <summary>The process that maps a frame; for frames of the machine only.</summary>
    Owner,
}

/// <summary>
/// The address space of a process as strips of cells: one for each region, with its own scale. Holes between regions are
/// folded.
/// </summary>
public sealed class MapPicture : ProcessOutput
{
    internal MapPicture(ProcessIdentity process, MapPictureGrouping by, string title, PictureLegendEntry[] legend, PictureRegion[] regions)
    {
        Process = process;
        By = by;
        Title = title;
        Legend = legend;
        Regions = regions;
    }

    /// <summary>What the colors show.</summary>
    public MapPictureGrouping By { get; }

    /// <summary>What the picture shows, in words: <c>Address space by residency</c>.</summary>
    public string Title { get; }

    /// <summary>Number of mappings.</summary>
    public int MapCount => Regions.Sum(region => region.MapCount);

    /// <summary>Bytes that are mapped.</summary>
    public ulong MappedBytes => Regions.Aggregate(0UL, (sum, region) => sum + region.MappedBytes);

    /// <summary>The colors that occur, and how many bytes each stands for.</summary>
    public OutputList<PictureLegendEntry> Legend { get; }

    /// <summary>The regions in address order.</summary>
    public OutputList<PictureRegion> Regions { get; }

    /// <summary>The picture as lines of text, with escape sequences where it is colored.</summary>
    [JsonIgnore]
    public OutputList<string> Lines => [.. new PictureLines(IsColored).Of(this)];

    /// <summary>Whether the lines have escape sequences for colors.</summary>
    [JsonIgnore]
    public bool IsColored { get; init; }

    /// <summary>Returns the cells of a row that fit a number of characters.</summary>
    public static int ColumnsOf(int width) => PictureLines.ColumnsOf(width);

    /// <inheritdoc/>
    internal override ProcessIdentity Process { get; }

    /// <summary>Formats it as a sentence.</summary>
    public override string ToString() =>
        $"Process {Process}: {HumanSize.Format(MappedBytes)} in {MapCount} mappings, {Regions.Count} regions";
}

/// <summary>A color of a picture.</summary>
public sealed class PictureLegendEntry
{
    internal PictureLegendEntry(PictureValue value, ulong sizeBytes)
    {
        Value = value;
        SizeBytes = sizeBytes;
    }

    /// <summary>What it stands for.</summary>
    public string Name => Value.Name;

    /// <summary>The letter of its cells.</summary>
    public char Letter => Value.Letter;

    /// <summary>The color as <c>#rrggbb</c>.</summary>
    public string Color => $"#{Value.Color:x6}";

    /// <summary>Bytes in the whole picture.</summary>
    public ulong SizeBytes { get; }

    internal PictureValue Value { get; }

    /// <summary>Returns name and size.</summary>
    public override string ToString() => $"{SafeText.Escape(Name)}: {HumanSize.Format(SizeBytes)}";
}

/// <summary>A part of an address space without large holes, as a strip of cells of equal size.</summary>
public sealed class PictureRegion
{
    /// <summary>First address.</summary>
    public required ulong Start { get; init; }

    /// <summary><see cref="Start"/> in hex.</summary>
    public string StartHex => HexText.Of(Start);

    /// <summary>First address after it.</summary>
    public required ulong End { get; init; }

    /// <summary><see cref="End"/> in hex.</summary>
    public string EndHex => HexText.Of(End);

    /// <summary>Size in bytes.</summary>
    public ulong SizeBytes => End - Start;

    /// <summary>Bytes that are mapped.</summary>
    public required ulong MappedBytes { get; init; }

    /// <summary>Number of mappings.</summary>
    public required int MapCount { get; init; }

    /// <summary>Bytes of the hole before it; 0 for the first one.</summary>
    public required ulong HoleBytes { get; init; }

    /// <summary>The mapping with most bytes, and how many other names there are: <c>libc.so.6 and 3 more</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Bytes that a cell stands for.</summary>
    public required ulong CellBytes { get; init; }

    /// <summary>Cells of a row.</summary>
    public required int Columns { get; init; }

    /// <summary>The cells, by address.</summary>
    public required OutputList<PictureCell> Cells { get; init; }

    /// <summary>Returns addresses, size, and name.</summary>
    public override string ToString() => $"0x{Start:x}-0x{End:x} {HumanSize.Format(SizeBytes)} {SafeText.Escape(Name)}";
}

/// <summary>A cell of a picture.</summary>
/// <param name="Value">Index of its color in the legend; -1 where nothing is mapped.</param>
/// <param name="Share">
/// How much of the cell the shown state has, 1 to 4 quarters: pages in memory, for example. 4 where colors do not show pages.
/// </param>
/// <param name="Mappings">The mappings that are there, a line each: addresses, permissions, size, path.</param>
/// <param name="Parts">The parts of the cell by what they stand for: <c>in memory 84 KiB; in swap 4 KiB</c>.</param>
public readonly record struct PictureCell(int Value, int Share, string Mappings, string Parts);

/// <summary>Something that a color stands for.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Letter">The letter of its cells.</param>
/// <param name="Color">The color, 0xrrggbb.</param>
internal sealed record PictureValue(string Name, char Letter, uint Color);

using System.Diagnostics;
using System.Xml.Linq;

namespace MemProc.Tests;

/// <summary>Tests the pictures of address spaces and frames.</summary>
public sealed class MapPainterTests : TargetTests
{
    private const int Columns = 100;

    [Fact]
    public void Cells_have_the_kind_of_their_mappings()
    {
        // The middle of a mapping that is larger than any cell.
        ulong start = Target.Ask($"memfd {64 << 20} picture").Address("address");
        ulong address = start + (32 << 20);
        // Its runtime maps memory at any time.
        using SuspendedProcess still = SuspendedProcess.Begin(Process);
        MapPicture picture = MapPainter.Paint(Process, MapPictureGrouping.Kind, Columns);
        ProcMap[] maps = [.. MapReader.Read(Process)];
        Assert.Equal(maps.Length, picture.MapCount);
        Assert.Equal(maps.Aggregate(0UL, (sum, map) => sum + map.SizeBytes), picture.MappedBytes);
        Assert.Equal(picture.MappedBytes, picture.Legend.Aggregate(0UL, (sum, entry) => sum + entry.SizeBytes));
        Assert.Equal(maps.Where(map => map.Kind == ProcMapKind.SharedMemory).Sum(map => (long)map.SizeBytes),
            (long)picture.Legend.Single(entry => entry.Name == "shared memory").SizeBytes);
        // Regions follow each other, and holes between them are counted.
        for (int index = 1; index < picture.Regions.Count; index++)
        {
            Assert.Equal(picture.Regions[index - 1].End + picture.Regions[index].HoleBytes, picture.Regions[index].Start);
        }

        PictureRegion region = picture.Regions.Single(one => one.Start <= address && address < one.End);
        PictureCell cell = region.Cells[(int)((address - region.Start) / region.CellBytes)];
        Assert.Contains($"0x{start:x}-", cell.Mappings, StringComparison.Ordinal);
        Assert.All(picture.Regions, one => Assert.True(one.Cells.Count <= 3 * Columns));
    }

    [Fact]
    public void A_writable_and_executable_page_shows_in_a_large_region()
    {
        // Between two large mappings of other permissions, in a cell of more than a page.
        ulong address = Target.Ask($"map {64 << 20} r-- private").Address("address");
        ulong page = address + (32 << 20);
        Target.Ask($"protect {page} {Page.Size} rwx");
        MapPicture picture = MapPainter.Paint(Process, MapPictureGrouping.Permission, Columns);
        PictureRegion region = picture.Regions.Single(one => one.Start <= page && page < one.End);
        Assert.True(region.CellBytes > Page.Size);
        PictureCell cell = region.Cells[(int)((page - region.Start) / region.CellBytes)];
        Assert.Equal("write and execute", picture.Legend[cell.Value].Name);
        Assert.Contains("write and execute 4 KiB", cell.Parts, StringComparison.Ordinal);
    }

    [Fact]
    public void Pages_show_where_they_are()
    {
        const ulong Length = 512UL << 20;
        ulong address = Target.Ask($"map {Length} rw- private").Address("address");
        Target.Ask($"touch {address} 10");
        (string, int)[] Shown(MapPictureGrouping by)
        {
            MapPicture picture = MapPainter.Paint(Process, by, Columns);
            PictureRegion region = picture.Regions.Single(one => one.Start <= address && address < one.End);
            PictureCell first = region.Cells[(int)((address - region.Start) / region.CellBytes)];
            PictureCell last = region.Cells[(int)((address + Length - 1 - region.Start) / region.CellBytes)];
            return [(picture.Legend[first.Value].Name, first.Share), (picture.Legend[last.Value].Name, last.Share)];
        }

        Assert.Equal(["in memory", "not in memory"], Shown(MapPictureGrouping.Residency).Select(cell => cell.Item1));
        Assert.Equal("of this process only", Shown(MapPictureGrouping.Sharing)[0].Item1);
        Assert.Equal("written", Shown(MapPictureGrouping.Dirty)[0].Item1);
        MapPicture residency = MapPainter.Paint(Process, MapPictureGrouping.Residency, Columns);
        ulong resident = residency.Legend.Single(entry => entry.Name == "in memory").SizeBytes;
        ulong walked = new ResidentMemory(Process).Ranges(0, ulong.MaxValue).Aggregate(0UL, (sum, range) => sum + range.End - range.Start);
        Assert.InRange((double)resident / walked, 0.9, 1.1);
    }

    [Fact]
    public void Frames_and_nodes_show()
    {
        Requires.Root();
        ulong address = Target.Ask($"map {Page.Size} rw- private").Address("address");
        Target.Ask($"touch {address} 1");
        MapPicture frames = MapPainter.Paint(Process, MapPictureGrouping.Frame, Columns);
        Assert.Contains(frames.Legend, entry => entry.Name == "anonymous");
        Assert.Contains(frames.Legend, entry => entry.Name == "file");
        Assert.Contains(MapPainter.Paint(Process, MapPictureGrouping.Node, Columns).Legend, entry => entry.Name == "node 0");
    }

    [Fact]
    public void Many_mappings_and_a_large_reservation_are_painted_at_once()
    {
        // The largest number that vm.max_map_count usually allows, of which the program has some itself.
        Target.Ask("vmas 60000");
        Target.Ask($"reserve {256UL << 30} 100");
        foreach (MapPictureGrouping by in (MapPictureGrouping[])[MapPictureGrouping.Kind, MapPictureGrouping.Residency])
        {
            MapPicture picture = MapPainter.Paint(Process, by, Columns);
            Assert.True(picture.MapCount > 60000);
            Assert.True(picture.Regions.Count <= 16);
            Assert.True(picture.Lines.Count < 100);
            using TemporaryFolder folder = new();
            string file = Path.Combine(folder.Path, "map.svg");
            PictureFile.Save(MapPainter.Paint(Process, by, PictureFile.MapColumns), file, overwrite: false);
            Assert.InRange(new FileInfo(file).Length, 1000, 3 << 20);
        }
    }

    [Theory]
    [InlineData(".svg")]
    [InlineData(".html")]
    public void Hostile_names_do_not_leave_their_place(string extension)
    {
        using TemporaryFolder folder = new();
        string hostile = Path.Combine(folder.Path, "<script>alert('&\"')]]>\x1b[31m\ufffe");
        using (FileStream sparse = File.Create(hostile))
        {
            sparse.SetLength(64 << 20);
        }

        Target.Ask($"file 0 {64 << 20} r-- private {hostile.Replace("\x1b", "\\e", StringComparison.Ordinal)}");
        string file = Path.Combine(folder.Path, $"map{extension}");
        MapPicture picture = MapPainter.Paint(Process, MapPictureGrouping.Kind, PictureFile.MapColumns);
        PictureFile.Save(picture, file, overwrite: false);
        string text = File.ReadAllText(file);
        Assert.DoesNotContain("<script", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\x1b', text);
        // HTML has the same SVG as a part.
        string svg = text[text.IndexOf("<svg", StringComparison.Ordinal)..(text.IndexOf("</svg>", StringComparison.Ordinal) + 6)];
        XElement root = XElement.Parse(svg);
        Assert.Contains(root.Descendants(), element => element.Name.LocalName == "title"
            && element.Value.Contains("<script>alert('&\"')]]>\\x1b[31m\\ufffe", StringComparison.Ordinal));
        Assert.DoesNotContain(picture.Lines, line => line.Contains('\x1b'));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        MemProcException error = Assert.Throws<MemProcException>(() => PictureFile.Save(picture, file, overwrite: false));
        Assert.Equal("WriteFile,EEXIST", error.ErrorId);
    }

    [Fact]
    public void Colors_are_escape_sequences_that_end_with_each_line()
    {
        MapPicture picture = MapPainter.Paint(Process, MapPictureGrouping.Kind, Columns);
        string[] plain = [.. new PictureLines(isColored: false).Of(picture)];
        string[] colored = [.. new PictureLines(isColored: true).Of(picture)];
        Assert.Equal(plain, colored.Select(line => System.Text.RegularExpressions.Regex.Replace(line, "\x1b\\[[0-9;]*m", string.Empty)));
        Assert.All(colored.Where(line => line.Contains('\x1b')), line => Assert.True(
            line.LastIndexOf("\x1b[0m", StringComparison.Ordinal) == line.LastIndexOf('\x1b')));
        Assert.All(plain, line => Assert.True(line.Length <= Columns + 2, line));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(64)]
    public void The_curve_visits_each_place_once_and_only_neighbors_follow(int side)
    {
        int[] places = [.. Enumerable.Range(0, side * side).Select(position => FramePainter.PlaceOf(side, position))];
        Assert.Equal(Enumerable.Range(0, side * side), places.Order());
        Assert.Equal(0, places[0]);
        for (int index = 1; index < places.Length; index++)
        {
            (int from, int to) = (places[index - 1], places[index]);
            Assert.Equal(1, Math.Abs(from % side - to % side) + Math.Abs(from / side - to / side));
        }
    }

    [Fact]
    public void Frames_of_the_machine_are_painted_by_kind()
    {
        Requires.Root();
        FramePicture picture;
        try
        {
            picture = FramePainter.Paint(MapPictureGrouping.Kind, 32);
        }
        catch (MemProcException error) when (error.Operation == Operation.ReadKernelMemory)
        {
            Assert.Skip(error.Message);
            throw new UnreachableException();
        }

        Assert.Equal(1024, picture.Cells.Count);
        Assert.Equal(picture.SizeBytes, picture.Legend.Aggregate(0UL, (sum, entry) => sum + entry.SizeBytes));
        Assert.Contains(picture.Legend, entry => entry.Name == "free");
        Assert.True(picture.Lines.Count > 36);
    }

    [Fact]
    public void A_core_has_mappings_and_what_was_saved()
    {
        using TemporaryFolder folder = new();
        string path = Path.Combine(folder.Path, "core");
        MemorySaver.Save(Process, null, path, new SaveOptions(), _ => { }, TestContext.Current.CancellationToken);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(path, TestContext.Current.CancellationToken);
        Assert.Equal(path, MapPainter.Paint(core, MapPictureGrouping.Kind, Columns).CorePath);
        Assert.Contains(MapPainter.Paint(core, MapPictureGrouping.Residency, Columns).Legend, entry => entry.Name == "saved");
        MemProcException error = Assert.Throws<MemProcException>(() => MapPainter.Paint(core, MapPictureGrouping.Sharing, Columns));
        Assert.Equal("ReadCore,EOPNOTSUPP", error.ErrorId);
    }
}

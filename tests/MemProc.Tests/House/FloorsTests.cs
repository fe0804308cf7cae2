namespace MemProc.Tests;

/// <summary>Checks the floors of the sources: a room uses only rooms of lower floors.</summary>
public sealed class FloorsTests
{
    /// <summary>The number of forbidden references that a failure lists.</summary>
    private const int MaxShown = 30;

    private static readonly string Root = Programs.Remembered("RepoRoot");

    /// <summary>The rooms of Core from the lowest floor up. A room may use rooms of lower floors only.</summary>
    private static readonly string[][] CoreFloors =
    [
        ["Text", "Parallel"],
        ["Processes"],
        ["Ranges", "Maps", "Elf", "Cgroups"],
        ["Frames", "Physical", "Cores"],
        ["PageMap"],
        ["Memory", "Kernel", "Sharing", "WorkingSets", "Files"],
        ["Modules", "Search", "Poison", "PageFrames"],
        ["Addresses", "Access"],
        ["Saving", "Disassembly", "CoreReports", "Comparison", "Threads", "Pointers"],
        ["Accesses", "Pictures"],
    ];

    [Fact]
    public void A_room_of_Core_uses_lower_floors_only()
    {
        IReadOnlyList<RoomReference> references = References("MemProc.Core");
        Assert.True(references.Count > 500, $"Only {references.Count} references were found: the sources do not bind.");
        AssertNone(references.Where(reference => FloorOf(reference.To) >= FloorOf(reference.From)));
    }

    [Fact]
    public void Every_room_of_Core_has_a_floor_and_every_file_a_room() => Assert.Equal(
        CoreFloors.SelectMany(rooms => rooms).Order(StringComparer.Ordinal),
        Directory.GetFiles(Folder("MemProc.Core"), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Folder("MemProc.Core"), file).Split(Path.DirectorySeparatorChar)[0])
            .Where(room => room is not ("bin" or "obj"))
            .Distinct().Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("MemProc.Interop")]
    [InlineData("MemProc.PowerShell")]
    [InlineData("MemProc.Cli")]
    [InlineData("MemProc.Help")]
    public void Rooms_of_other_assemblies_form_no_cycle(string assembly)
    {
        IReadOnlyList<RoomReference> references = References(assembly);
        Assert.NotEmpty(references);
        AssertNone(SourceRooms.Loops(references));
    }

    [Fact]
    public void An_upward_reference_is_found_even_if_its_type_is_inferred()
    {
        (string, string)[] sources =
        [
            ("/house/Low/A.cs", "class A { void Do() { var b = new C().Next; } }"),
            ("/house/Low/C.cs", "class C { public B Next => null; }"),
            ("/house/High/B.cs", "class B { C c; }"),
        ];
        IReadOnlyList<RoomReference> references = SourceRooms.References("/house", sources, []);
        Assert.Equal(
            [
                "Low/A.cs:1 uses var of High/B.cs (Low -> High)",
                "Low/C.cs:1 uses B of High/B.cs (Low -> High)",
                "High/B.cs:1 uses C of Low/C.cs (High -> Low)",
            ],
            references.Select(reference => reference.ToString()));
        Assert.Equal(3, SourceRooms.Loops(references).Count());
    }

    private static string Folder(string assembly) => Path.Combine(Root, "src", assembly);

    private static IReadOnlyList<RoomReference> References(string assembly) => SourceRooms.References(
        Folder(assembly),
        Directory.GetFiles(Path.Combine(Root, "lib"), "MemProc.*.dll")
            .Where(file => Path.GetFileNameWithoutExtension(file) != assembly)
            .Append(Programs.Remembered("PowerShellReference")));

    private static int FloorOf(string room) => Array.FindIndex(CoreFloors, rooms => rooms.Contains(room));

    private static void AssertNone(IEnumerable<RoomReference> forbidden) =>
        Assert.True(!forbidden.Any(), string.Join(Environment.NewLine, forbidden.Take(MaxShown)));
}

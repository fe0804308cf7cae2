using System.Text;
using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests;

/// <summary>Tests files whose names are not UTF-8, from mappings and from folders.</summary>
public sealed class PathBytesTests : IDisposable
{
    private static readonly byte[] Name = [(byte)'l', 0xff, 0xc3, (byte)'.', (byte)'s', (byte)'o'];

    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        // The runtime cannot delete files whose names are not UTF-8.
        Shell.Run(Requires.Tool("find"), _folder.Path, "-mindepth", "1", "-delete");
        _folder.Dispose();
    }

    private string Text => $"{_folder.Path}/{PathText.Decode(Name)}";

    [Fact]
    public void A_mapped_file_keeps_its_bytes_and_is_opened_by_them()
    {
        using SmallProgram target = MapLibrary();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        foreach (ProcMap map in (ProcMap[])[MapReader.Find(process, target.Address)!,
            MapReader.Read(process).Single(map => map.Start == target.Address)])
        {
            Assert.Equal((Text, Text, false), (map.Path, map.RawPath, map.IsDeleted));
            Assert.Equal(Name, map.GetPathBytes()[^Name.Length..]);
            Assert.Contains("/l\\xff\\xc3.so", map.ToString(), StringComparison.Ordinal);
        }

        Assert.Null(process.NamedFiles.TryOpen(Text, TestContext.Current.CancellationToken, out CheckedFile? file));
        file!.Dispose();
        using MappedImages images = new(process);
        Assert.False(images.FileAt(target.Address)!.IsReplaced);
        Assert.Contains(images.FileAt(target.Address)!.Symbols(), symbol => symbol.Name == "of_library");
        Assert.Same(images.FileAt(target.Address), images.Named(Path.GetFileName(Text)).Single());
    }

    [Fact]
    public void Json_has_the_bytes_too()
    {
        using SmallProgram target = MapLibrary();
        (int exitCode, string output, string errors) = Shell.Try(DotnetHost.Path,
            [Programs.Memproc, "map", $"{target.ProcessId}", "--address", $"0x{target.Address:x}", "--json"]);
        Assert.True(exitCode == 0, errors);
        Assert.Contains($"\"path\":\"{_folder.Path}/l\\udcff\\udcc3.so\",", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_index_of_saved_mappings_has_the_bytes()
    {
        using SmallProgram target = MapLibrary();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        string saved = Path.Combine(_folder.Path, "saved");
        MemorySaver.Save(process, [AddressExpression.FromNumber(target.Address)], saved,
            new SaveOptions { Format = MemoryDumpFormat.Raw }, _ => { }, TestContext.Current.CancellationToken);
        IndexedMapping mapping = Assert.Single(MemoryIndex.Load(saved).Mappings);
        Assert.Equal(Encoding.UTF8.GetBytes(_folder.Path + "/").Concat(Name), mapping.PathBytes);
    }

    [Fact]
    public void A_core_has_the_bytes_and_finds_the_file_by_them()
    {
        using SmallProgram target = MapLibrary();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        byte[] code = new MemoryReader(process, ReadMethod.Auto).ReadExactly(target.Address, 8192);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(CoreMaker.Save(process, _folder));
        Assert.Contains(core.Contents.Files, file => file.Path.AsSpan().EndsWith(Name));
        Assert.Equal(Text, MapReader.Find(core, target.Address)!.Path);
        Assert.Contains(ProcessCoreReader.Read(core).Images, image => image.Path == Text && image.IsOnDisk);
        using MappedImages images = new(core);
        Assert.Contains(images.FileAt(target.Address)!.Symbols(), symbol => symbol.Name == "of_library");
        Assert.Equal(code, new MemoryReader(core, ReadMethod.Auto).ReadExactly(target.Address, 8192));
    }

    [Fact]
    public void A_folder_lists_such_files_and_their_pages_are_read()
    {
        Create([1, 2, 3]);
        string path = Assert.Single(FileTree.EnumerateFiles(_folder.Path, recurse: true, Unexpected, Unexpected));
        Assert.Equal(Text, path);
        using FilePageWalk walk = new();
        Assert.Equal(3UL, walk.Summarize(path).SizeBytes);
        Assert.Equal([Text], FileTree.EnumerateFiles(path, recurse: false, Unexpected, Unexpected));
    }

    [Fact]
    public void A_backslash_in_a_name_is_not_a_newline()
    {
        string backslash = _folder.File("a\\012b", new byte[Page.Size]), newline = _folder.File("a\nb", new byte[Page.Size]);
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Requires.Request(ProcMapQuery.TryQuery(process.Maps, 0, orNext: true, out _, out _), "PROCMAP_QUERY");
        ulong one = target.Ask($"file 0 {Page.Size} r-- private {_folder.Path}/a\\\\012b").Address("address");
        ulong two = target.Ask($"file 0 {Page.Size} r-- private {_folder.Path}/a\\nb").Address("address");
        Dictionary<ulong, ProcMap> maps = MapReader.Read(process).ToDictionary(map => map.Start);
        Assert.Equal((backslash, newline), (maps[one].Path, maps[two].Path));
        Assert.Equal((backslash, newline), (MapReader.Find(process, one)!.Path, MapReader.Find(process, two)!.Path));
        Assert.Equal((backslash, backslash), (maps[one].RawPath, maps[two].RawPath));
    }

    [Fact]
    public void A_folder_replaced_by_a_link_does_not_lead_out_of_the_tree()
    {
        using TemporaryFolder outside = new();
        outside.File("secret", [1]);
        Directory.CreateDirectory($"{_folder.Path}/one/in");
        File.WriteAllText($"{_folder.Path}/file", "x");
        List<string> found = [];
        // The tree is read folder by folder: by the first file, "one" is found, or will be found as a link.
        foreach (string file in FileTree.EnumerateFiles(_folder.Path, recurse: true, _ => { }, Unexpected))
        {
            found.Add(Path.GetFileName(file));
            Directory.Delete($"{_folder.Path}/one", recursive: true);
            Directory.CreateSymbolicLink($"{_folder.Path}/one", outside.Path);
        }

        Assert.Equal(["file"], found);
    }

    /// <summary>Creates the file, whose name the runtime cannot express.</summary>
    private void Create(byte[] content)
    {
        string plain = _folder.File("plain", content);
        using SafeFileHandle folder = Libc.OpenAt(null, _folder.Path, OpenAccess.PathOnly);
        Assert.Equal(Errno.None, Libc.TryRenameAt(folder, Path.GetFileName(plain), PathText.Decode(Name), replace: true));
    }

    /// <summary>Starts a program that maps a library of that name.</summary>
    private SmallProgram MapLibrary()
    {
        string library = CCompiler.Build(Path.Combine(_folder.Path, "plain"),
            "int library(void) { return 1; } __attribute__((visibility(\"hidden\"))) int of_library(void) { return 2; }",
            "gcc", "-shared", "-nostdlib", "-x", "c");
        Create(File.ReadAllBytes(library));
        string program = CCompiler.Build(Path.Combine(_folder.Path, "program"), SmallProgram.Code.Replace(
            "MAP_PRIVATE | MAP_ANONYMOUS, -1", "MAP_PRIVATE, open(\"l\\377\\303.so\", O_RDONLY)",
            StringComparison.Ordinal).Insert(0, "#include <fcntl.h>\n"), "gcc", "-x", "c");
        return new SmallProgram(Requires.Tool("env"), "-C", _folder.Path, program);
    }

    private static void Unexpected(object what) => Assert.Fail($"{what}");
}

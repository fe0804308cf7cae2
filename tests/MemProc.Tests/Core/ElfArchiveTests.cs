using System.Diagnostics;
using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests archives of object files.</summary>
public sealed class ElfArchiveTests
{
    private const string LongName = "a_member_whose_name_does_not_fit_the_header.o";

    [Fact]
    public void Members_of_an_archive_that_ar_made_have_their_names_and_sections()
    {
        using TemporaryFolder folder = new();
        string archive = Build(folder, "rcs");
        using ElfFileSource source = ElfFileSource.Open(archive);
        ElfArchiveMember[] members = [.. ElfArchive.TryRead(source)!.Members()];
        Assert.Equal(["short.o", LongName, "text.txt"], members.Select(member => member.Name));
        using ElfSource second = members[1].Open();
        Assert.Equal(($"{archive}({LongName})", archive, LongName), (second.Name, second.Path, second.Member));
        using ElfFile file = ElfFile.Read(second);
        Assert.Contains(file.Symbols(ElfSymbolSource.Full), symbol =>
            (symbol.Name, symbol.Member, symbol.Path) == ("second", LongName, archive));
        Assert.All(file.Sections, section => Assert.Equal(LongName, section.Member));
        Assert.Equal(LongName, file.Header.Member);
        using ElfSource text = members[2].Open();
        Assert.False(ElfFile.IsElf(text));
    }

    [Fact]
    public void A_thin_archive_names_its_members_and_opens_none()
    {
        using TemporaryFolder folder = new();
        using ElfFileSource source = ElfFileSource.Open(Build(folder, "rcsT"));
        ElfArchive archive = ElfArchive.TryRead(source)!;
        Assert.True(archive.IsThin);
        ElfArchiveMember[] members = [.. archive.Members()];
        Assert.Equal(3, members.Length);
        Assert.EndsWith(LongName, members[1].Name, StringComparison.Ordinal);
        MemProcException error = Assert.Throws<MemProcException>(() => members[1].Open());
        Assert.Equal("ReadElf,ENODATA", error.ErrorId);
        Assert.Contains($"{LongName}' itself", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_BSD_are_before_the_content_and_indexes_are_skipped()
    {
        byte[] archive = Archive(
            ("__.SYMDEF", "index"), ("#1/20", "__.SYMDEF SORTED\0\0\0\0index"), ("#1/16", "name of bsd.o\0\0\0content"), ("plain.o", "odd"));
        ElfArchiveMember[] members = [.. Members(archive)];
        Assert.Equal([("name of bsd.o", 7UL), ("plain.o", 3UL)], members.Select(member => (member.Name, member.Length)));
        Assert.Equal("content", Content(members[0]));
        Assert.Equal("odd", Content(members[1]));
    }

    [Fact]
    public void A_member_cannot_be_read_past_its_end()
    {
        ElfArchiveMember member = Members(Archive(("one/", "12345678"), ("two/", "abcdefgh"))).First();
        using ElfSource source = member.Open();
        byte[] buffer = new byte[16];
        Assert.Equal(8, source.Read(0, buffer));
        Assert.Equal(2, source.Read(6, buffer));
        Assert.Equal(0, source.Read(8, buffer));
        Assert.Equal(0, source.Read(ulong.MaxValue, buffer));
    }

    [Theory]
    [InlineData("size", "9999999999")]
    [InlineData("size", "-1")]
    [InlineData("size", "x")]
    [InlineData("name", "/4000")]
    [InlineData("name", "#1/4000")]
    [InlineData("name", "#1/")]
    [InlineData("end", "!!")]
    public void A_malformed_member_is_an_error(string field, string value)
    {
        byte[] archive = Archive(("//", "long_name.o/\n"), ("/0", "content"));
        (int at, int length) = field switch { "name" => (0, 16), "size" => (48, 10), _ => (58, 2) };
        int member = archive.Length - 8 - 60;
        Encoding.ASCII.GetBytes(value.PadRight(length)).CopyTo(archive, member + at);
        Assert.Equal("ReadElf,ENOEXEC", Assert.Throws<MemProcException>(() => Members(archive).Count()).ErrorId);
    }

    [Fact]
    public void What_is_not_an_archive_is_none() =>
        Assert.Null(ElfArchive.TryRead(new ElfBufferSource("!<arch>"u8.ToArray(), "short")));

    [Fact]
    public void Damaged_archives_cause_only_the_documented_errors()
    {
        using TemporaryFolder folder = new();
        byte[][] sound = [File.ReadAllBytes(Build(folder, "rcs")), File.ReadAllBytes(Build(folder, "rcsT")),
            Archive(("__.SYMDEF", "index"), ("#1/16", "name of bsd.o\0\0\0content"), ("plain.o", "odd"))];
        Random random = new(20_260_502);
        int broken = 0;
        for (int count = 0; count < 100_000; count++)
        {
            byte[] damaged = ElfFuzz.Damage(sound[count % sound.Length], random);
            if (random.Next(2) == 0)
            {
                // Digits reach deeper than bits.
                int at = random.Next(damaged.Length);
                damaged[at] = (byte)"0123456789/#`\n "[random.Next(15)];
            }

            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            broken += ReadAll(damaged) ? 0 : 1;
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024 * 1024);
            if (Stopwatch.GetElapsedTime(start) > TimeSpan.FromMilliseconds(100))
            {
                // Another process can have had the processor.
                start = Stopwatch.GetTimestamp();
                ReadAll(damaged);
                Assert.InRange(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 0, 100);
            }
        }

        Assert.InRange(broken, 10_000, 99_999);
    }

    private static bool ReadAll(byte[] bytes)
    {
        bool sound = true;
        try
        {
            foreach (ElfArchiveMember member in Members(bytes))
            {
                try
                {
                    using ElfSource source = member.Open();
                    using ElfFile file = ElfFile.Read(source);
                    _ = file.Header;
                    _ = file.SegmentsWithSections().Count();
                    _ = file.Symbols(ElfSymbolSource.Full).Sum(symbol => symbol.FullName.Length);
                }
                catch (MemProcException)
                {
                    sound = false;
                }
            }
        }
        catch (MemProcException)
        {
            sound = false;
        }

        return sound;
    }

    private static IEnumerable<ElfArchiveMember> Members(byte[] bytes) =>
        ElfArchive.TryRead(new ElfBufferSource(bytes, "archive"))?.Members()
            ?? throw new MemProcException(Operation.ReadElf, Errno.ENOEXEC, "It is not an archive.");

    private static string Content(ElfArchiveMember member)
    {
        using ElfSource source = member.Open();
        byte[] bytes = new byte[member.Length];
        return Encoding.ASCII.GetString(bytes, 0, source.Read(0, bytes));
    }

    private static byte[] Archive(params (string Name, string Content)[] members)
    {
        StringBuilder text = new("!<arch>\n");
        foreach ((string name, string content) in members)
        {
            text.Append(name.PadRight(16)).Append("0           0     0     100644  ").Append($"{content.Length}".PadRight(10))
                .Append("`\n").Append(content).Append(content.Length % 2 == 0 ? "" : "\n");
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }

    /// <summary>Makes an archive of two object files and a text.</summary>
    private static string Build(TemporaryFolder folder, string operation)
    {
        string compiler = Requires.Tool("gcc"), archiver = Requires.Tool("ar");
        foreach ((string name, string code) in new[] { ("short.o", "int first(void) { return 1; }"), (LongName, "int second(void) { return 2; }") })
        {
            string source = folder.File($"{name}.c", Encoding.ASCII.GetBytes(code));
            Shell.Run(compiler, "-c", "-o", Path.Combine(folder.Path, name), source);
        }

        folder.File("text.txt", "no object file"u8.ToArray());
        string archive = Path.Combine(folder.Path, $"lib{operation}.a");
        Shell.Run(archiver, [operation, archive, .. new[] { "short.o", LongName, "text.txt" }.Select(name => Path.Combine(folder.Path, name))]);
        return archive;
    }
}

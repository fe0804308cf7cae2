using System.Globalization;
using System.Text;

namespace MemProc.Tests.Peers;

/// <summary>Compares strings in memory with those that strings(1) finds in a dump of the same memory.</summary>
public sealed class StringsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(70)]
    public void Ascii_and_utf16_are_those_of_strings_whatever_the_pieces(int minLength)
    {
        string strings = Requires.Tool("strings");
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        byte[] bytes = Mixture(257 * 1024);
        string path = folder.File("mixture", bytes);
        ulong address = target.Ask($"file 0 {bytes.Length} rw- private {path}").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        SearchRange range = new SearchRange { IncludeNotResident = true }.From(address, (ulong)bytes.Length);
        foreach (int pieceBytes in (int[])[4096, 1 << 20])
        {
            MemoryString[] found = [.. new StringSearch(process, minLength) { Range = range, ChunkBytes = pieceBytes }.Find()];
            Assert.Equal(Peer(strings, "s", minLength, path), Found(found, address, MemoryStringEncoding.Ascii));
            Assert.Equal(Peer(strings, "l", minLength, path), Found(found, address, MemoryStringEncoding.Utf16));
        }
    }

    [Fact]
    public void A_whole_library_has_the_strings_of_its_file_live_and_in_a_core()
    {
        string strings = Requires.Tool("strings");
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMap map = MapReader.Read(process).First(map => map.Path.EndsWith("libcoreclr.so", StringComparison.Ordinal)
            && map.IsExecutable);
        SearchRange range = new SearchRange { IncludeNotResident = true }.From(map.Start, map.SizeBytes);
        string dump = folder.File("dump", new MemoryReader(process, ReadMethod.Auto).ReadExactly(map.Start, map.SizeBytes));
        string[] expected = Peer(strings, "s", 6, dump);
        Assert.True(expected.Length > 1000);
        Assert.Equal(expected, Found([.. new StringSearch(process) { Range = range }.Find()], map.Start, MemoryStringEncoding.Ascii));
        string corePath = Path.Combine(folder.Path, "core");
        MemorySaver.Save(process, null, corePath, new SaveOptions(), _ => { }, CancellationToken.None);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(corePath);
        MemoryString[] inCore = [.. new StringSearch(core) { Range = range }.Find()];
        Assert.Equal(expected, Found(inCore, map.Start, MemoryStringEncoding.Ascii));
        Assert.Equal(Peer(strings, "l", 6, dump), Found(inCore, map.Start, MemoryStringEncoding.Utf16));
    }

    private static string[] Found(MemoryString[] found, ulong start, MemoryStringEncoding encoding) =>
        [.. found.Where(one => one.Encoding == encoding).Select(one => $"{one.Address - start:x} {one.Text}").Order(StringComparer.Ordinal)];

    private static string[] Peer(string strings, string encoding, int minLength, string path) =>
        [.. Shell.Run(strings, "-a", "-t", "x", "-e", encoding, "-n", minLength.ToString(CultureInfo.InvariantCulture), path)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimStart(' ')).Order(StringComparer.Ordinal)];

    /// <summary>Bytes with strings of all lengths and alignments, also across pages, and random ones between them.</summary>
    private static byte[] Mixture(int length)
    {
        Random random = new(42);
        List<byte> bytes = [];
        while (bytes.Count < length)
        {
            byte[] noise = new byte[random.Next(20)];
            random.NextBytes(noise);
            bytes.AddRange(noise);
            string text = new([.. Enumerable.Range(0, random.Next(random.Next(1, 300))).Select(_ => (char)random.Next(' ', 0x80))]);
            bytes.AddRange(random.Next(3) switch
            {
                0 => Encoding.ASCII.GetBytes(text),
                1 => Encoding.Unicode.GetBytes(text),
                _ => Encoding.UTF8.GetBytes(text.Replace("e", "é", StringComparison.Ordinal)),
            });
        }

        return [.. bytes[..length]];
    }
}

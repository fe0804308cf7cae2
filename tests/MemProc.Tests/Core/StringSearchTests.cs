using System.Text;

namespace MemProc.Tests;

/// <summary>Tests strings in memory: encodings, places, and the ends of pieces.</summary>
public sealed class StringSearchTests
{
    [Fact]
    public void Strings_have_their_place_and_encoding()
    {
        MemoryString[] found = Find("\0Grüße aus Köln\0plain text\0\ud83d\ude00 ok?\0ab\0", Encoding.UTF8, 5, null);
        Assert.Equal(
            [
                "1 Utf8 17 Grüße aus Köln", "7 Ascii 7 e aus K", "19 Ascii 10 plain text", "30 Utf8 8 \ud83d\ude00 ok?",
            ],
            found.Select(Describe));
        Assert.All(found, one => Assert.Equal(("rw-p", ProcMapKind.File), (one.Permissions, one.Kind)));
        Assert.Equal(["0 Utf16 20 plain text"], Find("plain text\0Grüße", Encoding.Unicode, 5, null).Select(Describe));
    }

    [Fact]
    public void One_encoding_is_selected()
    {
        const string text = "\0Grüße aus Köln\0plain text\0";
        Assert.Equal(["7 Ascii 7 e aus K", "19 Ascii 10 plain text"],
            Find(text, Encoding.UTF8, 5, MemoryStringEncoding.Ascii).Select(Describe));
        Assert.Equal(["1 Utf8 17 Grüße aus Köln"], Find(text, Encoding.UTF8, 5, MemoryStringEncoding.Utf8).Select(Describe));
        Assert.Empty(Find(text, Encoding.UTF8, 5, MemoryStringEncoding.Utf16));
        Assert.Equal(MemoryStringEncoding.Utf16, StringSearch.Select(Encoding.Unicode));
        Assert.Throws<ArgumentException>(() => StringSearch.Select(Encoding.UTF32));
    }

    [Fact]
    public void Invalid_and_unprintable_characters_end_a_string()
    {
        byte[] bytes = [.. "äöüäöü"u8, 0xff, .. "äöüäö"u8, 0xc0, 0xaf, .. "\u0085äöüäöü"u8, 0xe2, 0x80, 0xae, .. "äöüäöü"u8, 0xc3];
        Assert.Equal(["0 Utf8 12 äöüäöü", "27 Utf8 12 äöüäöü", "42 Utf8 12 äöüäöü"], Find(bytes, 6, null).Select(Describe));
    }

    [Fact]
    public void Utf8_is_found_wherever_pieces_end()
    {
        // Characters of two, three and four bytes at every place around the end of a piece.
        for (int shift = 0; shift < 12; shift++)
        {
            string text = new string('\0', 4096 - 16 + shift) + string.Concat(Enumerable.Repeat("aä€\ud83d\ude00", 3)) + "\0";
            MemoryString found = Assert.Single(Find(Encoding.UTF8.GetBytes(text), 12, MemoryStringEncoding.Utf8, 4096));
            Assert.Equal(((ulong)(4096 - 16 + shift), 30UL), (found.OffsetInMapping, found.Length));
            Assert.Equal(text.Trim('\0'), found.Text);
        }
    }

    [Fact]
    public void A_long_string_is_one_whose_text_is_cut_off()
    {
        MemoryString found = Assert.Single(Find(Encoding.ASCII.GetBytes("\0" + new string('A', 300_000) + "\0"), 6, null, 4096));
        Assert.Equal((1UL, 300_000UL, true, StringSearch.MaxTextBytes),
            (found.OffsetInMapping, found.Length, found.IsTruncated, found.Text.Length));
    }

    [Fact]
    public void A_large_sparse_mapping_is_not_faulted_in()
    {
        const ulong length = 64UL << 30;
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"reserve {length} 0").Address("address");
        ulong[] places = [address + 100, address + length / 2 - 5, address + length - 20];
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryTransaction.Prepare(process, [.. places.Select(place => new MemoryWriteRequest(place, "sparse text"u8.ToArray()))])
            .Commit(stop: false, verify: true);
        AddressRange[] resident = [.. new ResidentMemory(process).Ranges(address, address + length)];
        StringSearch search = new(process) { Range = SearchRange.All.From(address, length) };
        Assert.Equal(places, search.Find().Select(found => found.Address));
        Assert.Equal(resident, new ResidentMemory(process).Ranges(address, address + length));
        Assert.Equal(resident.Aggregate(0UL, (sum, range) => sum + range.End - range.Start), search.SearchedBytes);
    }

    [Fact]
    public void A_string_of_many_pieces_keeps_little_memory()
    {
        const ulong length = 32UL << 20;
        using TemporaryFolder folder = new();
        byte[] letters = new byte[length];
        Array.Fill(letters, (byte)'A');
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {length} r-- private {folder.File("letters", letters)}").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        long before = GC.GetAllocatedBytesForCurrentThread();
        MemoryString found = Assert.Single(new StringSearch(process)
        {
            Range = new SearchRange { IncludeNotResident = true }.From(address, length),
        }.Find());
        Assert.Equal((address, length, true, StringSearch.MaxTextBytes), (found.Address, found.Length, found.IsTruncated, found.Text.Length));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4L << 20);
    }

    private static string Describe(MemoryString found) =>
        $"{found.OffsetInMapping} {found.Encoding} {found.Length} {found.Text}";

    private static MemoryString[] Find(string text, Encoding encoding, int minLength, MemoryStringEncoding? selected) =>
        Find(encoding.GetBytes(text), minLength, selected);

    private static MemoryString[] Find(byte[] bytes, int minLength, MemoryStringEncoding? selected, int pieceBytes = 1 << 20)
    {
        using TemporaryFolder folder = new();
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {bytes.Length} rw- private {folder.File("text", bytes)}").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        StringSearch search = new(process, minLength, selected)
        {
            Range = new SearchRange { IncludeNotResident = true }.From(address, (ulong)bytes.Length),
            ChunkBytes = pieceBytes,
        };
        return [.. search.Find()];
    }
}

using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests that no file decides how long its reader works: what it claims has limits, and reads are stopped.</summary>
public sealed class ElfLimitsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_symbol_table_of_51_gigabytes_is_an_error(bool isInFile)
    {
        const long TableBytes = 51L * 1000 * 1000 * 1000 / 24 * 24;
        string path = _folder.File("claims", SmallElf.WithSymbolTable(TableBytes));
        if (isInFile)
        {
            using FileStream file = File.OpenWrite(path);
            file.SetLength(TableBytes + 4096);
        }

        using ElfFile elf = ElfFile.Open(path);
        long before = GC.GetAllocatedBytesForCurrentThread();
        MemProcException error = Assert.Throws<MemProcException>(() => elf.Symbols(ElfSymbolSource.Full).Count());
        Assert.Equal(Errno.ENOEXEC, error.Errno);
        Assert.Contains("symbols, more than the", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void A_symbol_table_that_is_read_is_stopped()
    {
        const long TableBytes = 24 * 1000 * 1000;
        string path = _folder.File("long", SmallElf.WithSymbolTable(TableBytes));
        using (FileStream file = File.OpenWrite(path))
        {
            file.SetLength(TableBytes + 4096);
        }

        using CancellationTokenSource source = new();
        using ElfFile elf = ElfFile.Read(ElfFileSource.Open(path, source.Token));
        int count = 0;
        Assert.Throws<OperationCanceledException>(() =>
        {
            foreach (ElfSymbol symbol in elf.Symbols(ElfSymbolSource.Full))
            {
                if (++count == 10)
                {
                    source.Cancel();
                }
            }
        });
        Assert.InRange(count, 10, 10_000);
    }

    [Fact]
    public void Notes_that_segments_share_are_read_a_bounded_number_of_times()
    {
        byte[] notes = new byte[1 << 20];
        using ElfFile elf = ElfFile.Read(new ElfBufferSource(SmallElf.WithNotes(notes, 60_000), "shared"));
        MemProcException error = Assert.Throws<MemProcException>(() => elf.BuildId);
        Assert.Contains("notes have more than", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_build_id_has_a_valid_length()
    {
        Assert.Equal("0102", BuildIdOf(Note("GNU", 3, [1, 2])));
        Assert.Null(BuildIdOf(Note("GNU", 3, new byte[1000])));
        Assert.Null(BuildIdOf(Note("GNU", 3, [])));
    }

    [Fact]
    public void Damaged_notes_cost_little()
    {
        byte[][] samples =
        [
            Note("GNU", 3, new byte[20]),
            [.. Note("GNU", 1, new byte[16]), .. Note("stapsdt", 3, new byte[40]), .. Note("GNU", 3, new byte[8])],
            [.. Note("", 0, []), .. Note("CORE", 0x46494c45, new byte[64])],
        ];
        int found = 0;
        foreach (byte[] notes in Mutation.Of(100_000, samples))
        {
            bool isFound = false;
            FuzzCost.Check(() =>
            {
                try
                {
                    isFound = BuildIdOf(notes) is not null;
                }
                catch (MemProcException error)
                {
                    Assert.Equal(Errno.ENOEXEC, error.Errno);
                }
            });
            found += isFound ? 1 : 0;
        }

        Assert.InRange(found, 1, 99_999);
    }

    private static string? BuildIdOf(byte[] notes)
    {
        using ElfFile elf = ElfFile.Read(new ElfBufferSource(SmallElf.WithNotes(notes), "notes"));
        return elf.BuildId;
    }

    private static byte[] Note(string owner, uint type, byte[] content)
    {
        byte[] name = owner.Length == 0 ? [] : [.. System.Text.Encoding.ASCII.GetBytes(owner), 0];
        return [.. BitConverter.GetBytes(name.Length), .. BitConverter.GetBytes(content.Length), .. BitConverter.GetBytes(type),
            .. Padded(name), .. Padded(content)];
    }

    private static byte[] Padded(byte[] bytes) => [.. bytes, .. new byte[(4 - bytes.Length % 4) % 4]];
}

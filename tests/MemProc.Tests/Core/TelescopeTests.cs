namespace MemProc.Tests;

/// <summary>Tests words and what they point to, live and in a core.</summary>
public sealed class TelescopeTests(ExploredProgram program) : IClassFixture<ExploredProgram>
{
    [Fact]
    public void Words_are_followed_to_symbols_text_and_numbers_live_and_in_a_core()
    {
        using ExploredProgram.Run run = program.Start();
        ulong words = run.At("!words");
        TelescopeWord[] live = Read(run.Process, words, 48);
        Check(live);
        string path = Path.Combine(program.Folder, "core");
        MemorySaver.Save(run.Process, null, path, new SaveOptions(), _ => { }, CancellationToken.None);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        TelescopeWord[] saved = Read(core, words, 48);
        Check(saved);
        Assert.Equal(live.Select(word => word.Description), saved.Select(word => word.Description));
        Assert.Equal(path, saved[0].CorePath);

        void Check(TelescopeWord[] found)
        {
            Assert.Equal(6, found.Length);
            Assert.Equal(["explored!text", "telescope text"], [found[0].Chain[0].Location, found[0].Chain[^1].Text]);
            Assert.Equal((2, true), (found[1].Chain.Count, found[1].Chain[1].IsCycle));
            Assert.Equal(["explored!store"], found[2].Chain.Select(stop => stop.Location));
            Assert.Equal((42UL, 0, "0x2a"), (found[3].Number, found[3].Chain.Count, found[3].Description));
            Assert.Equal(["explored!indirect", "explored!number"], found[4].Chain.Select(stop => stop.Location));
            Assert.EndsWith("(explored!number) = 0x2a", found[4].Description, StringComparison.Ordinal);
            Assert.Equal((words + 40, 40UL, 0UL), (found[5].Address, found[5].Offset, found[5].Number));
        }
    }

    [Fact]
    public void The_depth_is_limited_and_the_last_stop_has_its_number()
    {
        using ExploredProgram.Run run = program.Start();
        TelescopeReader reader = new(run.Process, new MemoryReader(run.Process, ReadMethod.Auto)) { Depth = 1 };
        TelescopeStop stop = Assert.Single(reader.Read(run.At("!words"), 8).Single().Chain);
        Assert.Equal(run.At("*(!text)"), stop.Number);
    }

    [Fact]
    public void Nothing_is_faulted_in()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong length = 16 * Page.Size;
        ulong address = target.Ask($"map {length} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        TelescopeWord[] words = [.. new TelescopeReader(process, new MemoryReader(process, ReadMethod.Auto) { ResidentOnly = true })
            .Read(address, length)];
        Assert.Equal((int)length / 8, words.Length);
        Assert.All(words, word => Assert.Equal(MemoryGapKind.NotResident, word.Gap!.Kind));
        Assert.Empty(new ResidentMemory(process).Ranges(address, address + length));
    }

    [Fact]
    public void Memory_that_is_unmapped_meanwhile_is_a_gap_of_each_word()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 2");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        // Pointers to what will be gone.
        MemoryTransaction.Prepare(process, [new MemoryWriteRequest(address, BitConverter.GetBytes(address + Page.Size)),
            new MemoryWriteRequest(address + Page.Size - 8, BitConverter.GetBytes(address + Page.Size))]).Commit(stop: false, verify: true);
        List<TelescopeWord> words = [];
        foreach (TelescopeWord word in new TelescopeReader(process, new MemoryReader(process, ReadMethod.Auto)).Read(address, 2 * Page.Size))
        {
            if (words.Count == 0)
            {
                target.Ask($"unmap {address + Page.Size} {Page.Size}");
            }

            words.Add(word);
        }

        int half = (int)Page.Size / 8;
        Assert.Equal(2 * half, words.Count);
        Assert.Equal(0x01UL, words[0].Chain.Single().Number! & 0xff);
        TelescopeStop gone = words[half - 1].Chain.Single();
        Assert.Equal((address + Page.Size, null, MemoryGapKind.NotMapped), (gone.Address, gone.Number, gone.GapKind));
        Assert.All(words[half..], word => Assert.Equal((null, MemoryGapKind.NotMapped), (word.Number, word.Gap!.Kind)));
    }

    [Fact]
    public void A_hostile_text_is_shown_without_control_characters()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply garlic = target.Ask("garlic");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryTransaction.Prepare(process, [new MemoryWriteRequest(garlic.Address("text"), "a\r\n\tx\0"u8.ToArray())])
            .Commit(stop: false, verify: true);
        TelescopeWord word = Read(process, garlic.Address("pointer"), 8).Single();
        Assert.Equal("a\r\n\tx", word.Chain[0].Text);
        Assert.EndsWith("\"a\\x0d\\x0a\\x09x\"", word.Description, StringComparison.Ordinal);
    }

    private static TelescopeWord[] Read(MemoryTarget process, ulong address, ulong length) => [.. new TelescopeReader(
        process, new MemoryReader(process, ReadMethod.Auto) { ResidentOnly = process is LinuxProcess }).Read(address, length)];
}

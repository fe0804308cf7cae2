namespace MemProc.Tests;

/// <summary>Tests paths of pointers to an address, and that they hold in another run.</summary>
public sealed class PointerPathTests(ExploredProgram program) : IClassFixture<ExploredProgram>
{
    [Fact]
    public void A_path_holds_after_a_restart_and_others_are_narrowed()
    {
        const ulong offset = 0x100;
        using ExploredProgram.Run first = program.Start();
        PointerChain[] found = [.. Finder(first.Process, offset).Find(first.Score)];
        Assert.All(found, chain => Assert.Equal(first.Score, first.At(chain.Expression)));
        Assert.Equal(found.Length, found.Select(chain => chain.Expression).Distinct().Count());
        PointerChain own = Assert.Single(found, chain => chain.BaseAddress == first.At("!player") && chain.Depth == 2);
        Assert.Equal([24UL, 32UL], own.Offsets);
        Assert.Matches(@"^\*\(\*\(explored!\.bss\+0x[0-9a-f]+\)\+0x18\)\+0x20$", own.Expression);

        using ExploredProgram.Run second = program.Start();
        PointerChain[] kept = [.. Finder(second.Process, offset).Narrow(
            second.Score, found.Select(chain => new SavedPointerChain(chain.Base, [.. chain.Offsets])))];
        Assert.Contains(kept, chain => chain.Expression == own.Expression);
        Assert.All(kept, chain => Assert.Equal(second.Score, second.At(chain.Expression)));
        Assert.NotEqual(first.At("!player"), second.At("!player"));
        Assert.Empty(Finder(second.Process, offset).Narrow(second.Score + 1, found.Select(chain => new SavedPointerChain(chain.Base, [.. chain.Offsets]))));
    }

    [Fact]
    public void A_core_has_the_paths_of_its_process()
    {
        using ExploredProgram.Run run = program.Start();
        string path = Path.Combine(program.Folder, "core.pointers");
        MemorySaver.Save(run.Process, null, path, new SaveOptions { Stop = true }, _ => { }, CancellationToken.None);
        using MemProc.CoreFile core = MemProc.CoreFile.Open(path);
        ulong player = run.At("!player");
        PointerChain chain = Assert.Single(Finder(core, 0x100).Find(run.Score), chain => chain.BaseAddress == player && chain.Depth == 2);
        Assert.Equal(run.Score, AddressExpression.Parse(chain.Expression).Resolve(core));
    }

    [Fact]
    public void What_exceeds_the_memory_is_left_out_with_a_warning()
    {
        using ExploredProgram.Run run = program.Start();
        List<string> warnings = [];
        ulong limit = 0;
        PointerPathFinder finder = new(run.Process) { MaxHeldBytes = 8, Estimated = bytes => limit = bytes, Warn = warnings.Add };
        Assert.DoesNotContain(finder.Find(run.Score), chain => chain.Depth > 1);
        Assert.Equal(8UL, limit);
        Assert.Contains("Longer paths are left out", Assert.Single(warnings), StringComparison.Ordinal);
        // No pointers of the last pass are kept, and nothing is left out.
        PointerPathFinder last = new(run.Process) { Depth = 1, MaxHeldBytes = 8, Warn = warning => Assert.Fail(warning) };
        Assert.All(last.Find(run.Score), chain => Assert.Equal(1, chain.Depth));
        Assert.Equal("FindMap,ENOENT", Assert.Throws<MemProcException>(() => finder.Find(16).Count()).ErrorId);
    }

    private static PointerPathFinder Finder(MemoryTarget process, ulong maxOffset) => new(process) { Depth = 2, MaxOffset = maxOffset };
}

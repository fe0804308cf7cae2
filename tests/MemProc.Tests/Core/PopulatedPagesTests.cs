using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests the walk over the populated pages of a process, on recorded files.</summary>
public sealed class PopulatedPagesTests
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, Start = 0x400000;

    [Fact]
    public void Pages_have_their_mapping_and_mappings_without_pages_are_listed_by_map_only()
    {
        using SimulatedProcess simulated = Simulate();
        using LinuxProcess process = simulated.Open();
        PopulatedPages walk = new(process);
        Assert.Equal(
            [(0x400000UL, 0x400000UL), (0x400000UL, 0x402000UL), (0x405000UL, 0x405000UL)],
            Populated(walk.In(AddressRange.All)));
        Assert.Equal([0x400000UL, 0x403000, 0x405000, 0xffffffffff600000],
            walk.ByMap(walk.Maps(AddressRange.All), AddressRange.All).Select(found => found.Map.Start));
    }

    [Theory]
    [InlineData(0x401fff, 0x402001, new[] { 0x402000UL })]
    [InlineData(0x402000, 0x405000, new[] { 0x402000UL })]
    [InlineData(0x400fff, 0x405001, new[] { 0x400000UL, 0x402000UL, 0x405000UL })]
    [InlineData(0x401000, 0x402000, new ulong[0])]
    public void A_range_counts_in_whole_pages(ulong start, ulong end, ulong[] expected)
    {
        using SimulatedProcess simulated = Simulate();
        using LinuxProcess process = simulated.Open();
        PopulatedPages walk = new(process);
        Assert.Equal(expected,
            Populated(walk.In(new AddressRange(start, end))).Select(page => page.Address));
    }

    [Fact]
    public void Empty_pages_are_returned_on_request()
    {
        using SimulatedProcess simulated = Simulate();
        using LinuxProcess process = simulated.Open();
        PopulatedPages walk = new(process) { IncludeEmpty = true };
        Assert.Equal(6, walk.In(AddressRange.All).Sum(found => found.Pages.Entries.Length));
    }

    [Fact]
    public void A_process_that_exits_before_the_end_is_an_error_of_the_operation()
    {
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMap[] maps = [.. MapReader.Read(process)];
        PopulatedPages walk = new(process) { Operation = Operation.MarkIdle };
        IEnumerable<ProcMap> EndedAfter(int count)
        {
            foreach (ProcMap map in maps[..count])
            {
                yield return map;
            }

            target.Dispose();
        }

        MemProcException error = Assert.Throws<MemProcException>(() => walk.In(EndedAfter(1), AddressRange.All).Count());
        Assert.Equal("MarkIdle,ESRCH", error.ErrorId);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(0x1234, true)]
    public void Hidden_frame_numbers_are_detected_at_the_first_present_page(ulong pfn, bool areVisible)
    {
        using SimulatedProcess simulated = Simulate(Present | pfn);
        MemProcException? error = Record.Exception(() => PopulatedPages.ThrowIfFramesHidden(simulated.Files))
            as MemProcException;
        Assert.Equal(areVisible ? null : "ReadPageMap,EPERM", error?.ErrorId);
    }

    [Theory]
    [InlineData(0x1000, 0x3000, 0x2000, 0x5000, 0x2000, 0x3000)]
    [InlineData(0x1000, 0x3000, 0, ulong.MaxValue, 0x1000, 0x3000)]
    [InlineData(0x1000, 0x3000, 0x3000, 0x5000, 0x3000, 0x3000)]
    [InlineData(0x4000, 0x6000, 0x1000, 0x2000, 0x4000, 0x4000)]
    public void Ranges_are_clipped(ulong start, ulong end, ulong from, ulong to, ulong first, ulong last) =>
        Assert.Equal(new AddressRange(first, last), new AddressRange(start, end).Clip(new AddressRange(from, to)));

    [Fact]
    public void The_pages_of_the_whole_address_space_cover_it()
    {
        Assert.Equal(AddressRange.All, AddressRange.All.Pages);
        Assert.Equal(2 * Page.Size, new AddressRange(Page.Size - 1, Page.Size + 1).Pages.SizeBytes);
    }

    private static SimulatedProcess Simulate(ulong first = Present | 1)
    {
        SimulatedProcess simulated = new();
        simulated.Write("maps", """
            400000-403000 rw-p 00000000 00:00 0
            403000-405000 r--p 00000000 00:00 0
            405000-406000 rw-p 00000000 00:00 0
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]

            """);
        simulated.WritePageMap(Start, first, 0, Swapped | 64, 0, 0, Present | 2);
        return simulated;
    }

    private static IEnumerable<(ulong Map, ulong Address)> Populated(
        IEnumerable<(ProcMap Map, PageMapRange Pages)> walk) =>
        from found in walk
        from index in Enumerable.Range(0, found.Pages.Entries.Length)
        where new RawPageMapEntry(found.Pages.Entries.Span[index]).IsPopulated
        select (found.Map.Start, found.Pages.Address + (ulong)index * Page.Size);
}

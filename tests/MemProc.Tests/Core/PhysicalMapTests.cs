using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests the tree of physical ranges, recorded and live.</summary>
public sealed class PhysicalMapTests
{
    /// <summary>Recorded on a machine with a vDSO frame at 0xcd8c000.</summary>
    private const string Recorded = """
        00000000-00000fff : Reserved
        00001000-0009ebff : System RAM
        0009ec00-0009ffff : Reserved
        000dc000-000fffff : Reserved
          000f0000-000fffff : System ROM
        00100000-1fedffff : System RAM
          0bc00000-0c800de0 : Kernel code
          0ca00000-0ce16fff : Kernel rodata
          0d000000-0d20a97f : Kernel data
          0d7dc000-0ddfffff : Kernel bss
        1fee0000-1fefefff : ACPI Tables

        """;

    [Fact]
    public void The_recorded_vdso_is_in_the_kernels_read_only_data()
    {
        PhysicalMap map = Read(Recorded);
        foreach (IEnumerable<PhysicalRange> chain in new[]
        {
            map.Containing(0xcd8c000), map.ContainingFrames(0xcd8c000 / Page.Size),
        })
        {
            Assert.Equal(["System RAM", "Kernel rodata"], chain.Select(range => range.Name));
            Assert.Equal([(0, null), (1, "System RAM")], chain.Select(range => (range.Depth, range.Parent)));
        }
    }

    [Fact]
    public void A_range_ends_after_its_last_byte()
    {
        PhysicalRange code = Read(Recorded).Ranges.Single(range => range.Name == "Kernel code");
        Assert.Equal((0xbc00000UL, 0xc800de1UL, 0xc00de1UL), (code.Start, code.End, code.SizeBytes));
        Assert.Equal(0xbc00000 / Page.Size, code.Pfn);
        // The last frame, of which the range has only the first bytes, counts too.
        Assert.Equal(0xc00de1 / Page.Size + 1, code.PageCount);
        Assert.False(code.IsAddressHidden);
        Assert.Equal("  0bc00000-0c800de0 : Kernel code", code.ToString());
    }

    [Fact]
    public void The_first_and_last_byte_are_inside_and_their_neighbours_are_not()
    {
        PhysicalMap map = Read(Recorded);
        Assert.Equal(2, map.Containing(0xca00000).Count());
        Assert.Equal(2, map.Containing(0xce16fff).Count());
        Assert.Equal("System RAM", Assert.Single(map.Containing(0xce17000)).Name);
        Assert.Equal("System RAM", Assert.Single(map.Containing(0xc9fffff)).Name);
    }

    [Fact]
    public void An_address_outside_all_ranges_is_not_found()
    {
        PhysicalMap map = Read(Recorded);
        foreach (ulong address in new ulong[] { 0xa0000, 0x1feff000, ulong.MaxValue })
        {
            MemProcException error = Assert.Throws<MemProcException>(() => map.Containing(address));
            Assert.Equal(("FindPhysicalRange,ENOENT", address), (error.ErrorId, error.Target));
        }

        foreach (ulong pfn in new[] { 0x40000000 / Page.Size, ulong.MaxValue / Page.Size + 1, ulong.MaxValue })
        {
            MemProcException error = Assert.Throws<MemProcException>(() => map.ContainingFrames(pfn));
            Assert.Equal(("FindPhysicalRange,ENOENT", pfn), (error.ErrorId, error.Target));
        }
    }

    [Fact]
    public void A_frame_with_the_end_of_one_range_and_the_start_of_another_has_both()
    {
        PhysicalMap map = Read(Recorded);
        ulong pfn = 0x9ec00 / Page.Size;
        Assert.Contains("System RAM", map.ContainingFrames(pfn).Select(range => range.Name));
        Assert.Contains("Reserved", map.ContainingFrames(pfn).Select(range => range.Name));
        Assert.Equal("Reserved", Assert.Single(map.Containing(0x9ec00)).Name);
    }

    [Fact]
    public void Consecutive_frames_have_every_range_that_they_overlap()
    {
        PhysicalMap map = Read(Recorded);
        ulong first = 0xca00000 / Page.Size;
        Assert.Equal(["System RAM", "Kernel rodata", "Kernel data"],
            map.ContainingFrames(first, 0x800000 / Page.Size).Select(range => range.Name));
        Assert.Equal(11, map.ContainingFrames(0, ulong.MaxValue).Count());
    }

    [Fact]
    public void Hidden_addresses_are_not_zero()
    {
        PhysicalMap map = Read("""
            00000000-00000000 : Reserved
            00000000-00000000 : System RAM
              00000000-00000000 : Kernel code

            """);
        Assert.True(map.IsHidden);
        Assert.Equal(["Reserved", "System RAM", "Kernel code"], map.Ranges.Select(range => range.Name));
        Assert.Equal([null, null, "System RAM"], map.Ranges.Select(range => range.Parent));
        Assert.All(map.Ranges, range =>
        {
            Assert.True(range.IsAddressHidden);
            Assert.Equal([null, null, null, null, null],
                new[] { range.Start, range.End, range.SizeBytes, range.Pfn, range.PageCount });
        });
        Assert.Equal("  hidden : Kernel code", map.Ranges[2].ToString());
        foreach (Action ask in new Action[] { () => map.Containing(0), () => map.ContainingFrames(0) })
        {
            MemProcException error = Assert.Throws<MemProcException>(ask);
            Assert.Equal("FindPhysicalRange,EPERM", error.ErrorId);
            Assert.Contains("CAP_SYS_ADMIN", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_single_byte_at_address_0_is_not_hidden()
    {
        PhysicalMap map = Read("00000000-00000000 : first byte\n00000001-00000fff : the others\n");
        Assert.False(map.IsHidden);
        Assert.Equal((0UL, 1UL), (map.Ranges[0].Start, map.Ranges[0].SizeBytes));
    }

    [Fact]
    public void Resources_below_the_depth_limit_resolve_to_their_parent()
    {
        PhysicalMap map = Read("""
            00000000-ffffffff : bus 0
              00000000-0fffffff : bus 1
                00000000-00ffffff : bus 2
                  00000000-000fffff : bus 3
                    00000000-0000ffff : bus 4
                      00000000-00003fff : bus 5
                      00000000-00001fff : bus 6
                      00000000-00001fff : device
                      00002000-00003fff : device
                      00004000-00007fff : bus 5 too
                10000000-10ffffff : bus 2 too

            """);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 2], map.Ranges.Select(range => range.Depth));
        Assert.Equal("bus 6", map.Ranges[7].Parent);
        Assert.Equal("bus 5", map.Ranges[8].Parent);
        Assert.Equal("bus 4", map.Ranges[9].Parent);
        Assert.Equal("bus 1", map.Ranges[10].Parent);
        Assert.Equal(8, map.Containing(0x10).Count());
    }

    [Fact]
    public void A_range_up_to_the_last_address_does_not_overflow()
    {
        PhysicalMap map = Read("fffffffffffff000-ffffffffffffffff : top\n");
        PhysicalRange top = Assert.Single(map.Ranges);
        Assert.Equal((0xfffffffffffff000, ulong.MaxValue), (top.Start, top.End));
        // Less than a frame if frames are larger than 4 KiB.
        Assert.Equal(1UL, top.PageCount);
        Assert.Same(top, Assert.Single(map.Containing(ulong.MaxValue)));
        Assert.Same(top, Assert.Single(map.ContainingFrames(ulong.MaxValue / Page.Size)));
    }

    [Fact]
    public void A_missing_empty_or_invalid_file_is_an_error()
    {
        using TemporaryFolder folder = new();
        KernelFiles files = new(Proc: folder.Path);
        Assert.Equal("ReadPhysicalMap,ENOENT", Assert.Throws<MemProcException>(() => PhysicalMap.Read(files)).ErrorId);
        folder.File("iomem", []);
        MemProcException error = Assert.Throws<MemProcException>(() => PhysicalMap.Read(files));
        Assert.Equal("ReadPhysicalMap,ENOENT", error.ErrorId);
        Assert.Contains("is empty", error.Message, StringComparison.Ordinal);
        folder.File("iomem", "00000000-00000fff : Reserved\nred\e[31m\n"u8);
        error = Assert.Throws<MemProcException>(() => PhysicalMap.Read(files));
        Assert.Equal("ReadPhysicalMap,EINVAL", error.ErrorId);
        Assert.DoesNotContain('\e', error.Message);
    }

    [Fact]
    public void A_list_longer_than_the_buffer_is_read_completely()
    {
        PhysicalMap map = Read(string.Concat(Enumerable.Range(0, 20_000).Select(index =>
            $"{index * 0x1000L:x8}-{index * 0x1000L + 0xfff:x8} : range {index}\n")));
        Assert.Equal(20_000, map.Ranges.Count);
        Assert.Equal("range 12345", Assert.Single(map.Containing(12345 * 0x1000)).Name);
    }

    [Fact]
    public void Live_ranges_equal_iomem()
    {
        PhysicalMap map = ReadOwn();
        Assert.Equal(File.ReadLines("/proc/iomem"), map.Ranges.Select(range =>
            range.Depth <= IomemLine.MaxDepth ? range.ToString() : $"          {range.ToString().TrimStart()}"));
    }

    [Fact]
    public void The_vdso_of_a_process_is_in_system_ram()
    {
        PhysicalMap map = ReadOwn();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ProcMap vdso = MapReader.Read(process).Single(mapping => mapping.Kind == ProcMapKind.Vdso);
        PageMapEntry page = new PageMapWalk(process).At(vdso.Start).Single();
        PhysicalRange[] chain = [.. map.ContainingFrames(page.Pfn!.Value)];
        Assert.Equal("System RAM", chain[0].Name);
        Assert.All(chain, range => Assert.True(
            range.Start <= page.PhysicalAddress && page.PhysicalAddress < range.End, range.ToString()));
        Assert.Equal(chain, map.Containing(page.PhysicalAddress!.Value));
        Assert.Equal(Enumerable.Range(0, chain.Length), chain.Select(range => range.Depth));
    }

    private static PhysicalMap ReadOwn()
    {
        Requires.Root();
        PhysicalMap map = PhysicalMap.Read();
        Assert.SkipWhen(map.IsHidden, "needs CAP_SYS_ADMIN in the machine's own user namespace");
        return map;
    }

    private static PhysicalMap Read(string text)
    {
        using TemporaryFolder folder = new();
        folder.File("iomem", Encoding.UTF8.GetBytes(text));
        return PhysicalMap.Read(new KernelFiles(Proc: folder.Path));
    }
}

using System.Text;
using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Compares physical memory with what the process itself has at the address that maps it.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class PhysicalMemoryReaderTests : TargetTests
{
    [Fact]
    public void Bytes_of_every_kind_of_page_equal_those_of_the_process()
    {
        using PhysicalMemoryReader reader = Reader();
        using CachedFile file = new(pages: 4);
        ulong anonymous = Target.Ask($"map {4 * Page.Size} rw- private").Address("address");
        Target.Ask($"fill {anonymous} {4 * Page.Size} 3");
        ulong shared = Target.Ask($"map {4 * Page.Size} rw- shared").Address("address");
        Target.Ask($"fill {shared} {4 * Page.Size} 4");
        ulong mapped = Target.Ask($"file 0 {4 * Page.Size} r-- shared {file.FilePath}").Address("address");
        Target.Ask($"peek {mapped} {4 * Page.Size}");
        ulong huge = FramePages.Huge(Target, Process);
        Target.Ask($"fill {huge} {HugeTlb.PageBytes} 5");
        foreach ((ulong address, ulong pages) in new[] { (anonymous, 4UL), (shared, 4UL), (mapped, 4UL), (huge, HugeTlb.PageBytes / Page.Size) })
        {
            AssertEqualToProcess(reader, Target, Process, address, pages);
        }
    }

    [Fact]
    public void Bytes_of_a_page_of_hugetlb_equal_those_of_the_process()
    {
        using PhysicalMemoryReader reader = Reader();
        using HugeTlb huge = HugeTlb.Reserve();
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        ulong address = target.Ask($"file 0 {HugeTlb.PageBytes} rw- shared {huge.FilePath}").Address("address");
        target.Ask($"fill {address} {HugeTlb.PageBytes} 6");
        AssertEqualToProcess(reader, target, process, address, HugeTlb.PageBytes / Page.Size);
    }

    [Fact]
    public void Bytes_of_merged_pages_equal_those_of_the_process()
    {
        using PhysicalMemoryReader reader = Reader();
        using Ksm ksm = Ksm.On();
        AssertEqualToProcess(reader, Target, Process, FramePages.Merged(Target), 2);
    }

    [Fact]
    public void Secret_memory_is_a_gap_with_its_reason()
    {
        using PhysicalMemoryReader reader = Reader();
        ulong address = FramePages.Secret(Target);
        // pagemap does not show frames of secret memory on every kernel; the page table does.
        using PageTableReader tables = new();
        ulong physical = tables.Entries(Process, address)[^1].PhysicalAddress!.Value;
        PhysicalMemoryBlock block = Assert.Single(reader.ReadBlocks(physical, Page.Size));
        MemoryGap gap = Assert.Single(block.Gaps);
        Assert.Equal((physical, Page.Size, MemoryGapKind.NotInDirectMap, Errno.EFAULT), (gap.Address, gap.Length, gap.Kind, gap.Errno));
        Assert.Empty(block.Bytes);
        Assert.Contains("not mapped by the kernel",
            Assert.Throws<MemProcException>(() => reader.ReadExactly(physical, 8)).Message, StringComparison.Ordinal);
        // The pages around it are read.
        block = Assert.Single(reader.ReadBlocks(physical - Page.Size, 3 * Page.Size));
        Assert.Contains(block.Gaps, found => found.Address <= physical && found.Address + found.Length >= physical + Page.Size);
        Assert.Equal(3 * Page.Size, (ulong)block.Bytes.Length);
    }

    [Fact]
    public void Only_RAM_is_read()
    {
        using PhysicalMemoryReader reader = Reader();
        PhysicalMap map = PhysicalMap.Read();
        PhysicalRange last = map.Ranges.Last(range => range.Name == "System RAM");
        PhysicalRange? device = map.Ranges.FirstOrDefault(range => range.Name.Contains("PCI", StringComparison.Ordinal));
        Assert.SkipWhen(device is null, "needs a device in /proc/iomem");
        MemoryGap gap = Assert.Single(Assert.Single(reader.ReadBlocks(device.Start!.Value, 64)).Gaps);
        Assert.Equal((MemoryGapKind.NotRam, Errno.None, 64UL), (gap.Kind, gap.Errno, gap.Length));
        MemProcException refused = Assert.Throws<MemProcException>(() => reader.ReadExactly(device.Start.Value, 64));
        Assert.Equal("ReadPhysicalMemory,ENXIO", refused.ErrorId);
        Assert.Contains("not RAM", refused.Message, StringComparison.Ordinal);
        // A range across the end of RAM: its bytes, and a gap.
        PhysicalMemoryBlock block = Assert.Single(reader.ReadBlocks(last.End!.Value - Page.Size, 2 * Page.Size));
        gap = Assert.Single(block.Gaps);
        Assert.Equal((last.End.Value, Page.Size, MemoryGapKind.NotRam), (gap.Address, gap.Length, gap.Kind));
        Assert.Equal("ReadPhysicalMemory,EINVAL",
            Assert.Throws<MemProcException>(() => reader.ReadBlocks(ulong.MaxValue - 5, 10)).ErrorId);
    }

    [Fact]
    public void Text_and_values_are_those_of_the_process()
    {
        using PhysicalMemoryReader reader = Reader();
        ulong seed = Target.Ask("seed").Address("address");
        ulong physical = FramePages.Pfns(Process, seed)[0] * Page.Size + seed % Page.Size;
        string text = reader.ReadText(physical, Page.Size, Encoding.UTF8, out bool isEnded);
        Assert.Equal((new MemoryReader(Process, ReadMethod.Auto).ReadText(seed, Page.Size, Encoding.UTF8), true), (text, isEnded));
        Assert.True(text.Length > 4);
        Assert.Equal(text[..3], reader.ReadText(physical, 3, Encoding.UTF8, out isEnded));
        Assert.False(isEnded);
        MemoryType type = MemoryType.Parse("uint16");
        Assert.Equal(new TypedReader(Process, new MemoryReader(Process, ReadMethod.Auto)).Values(seed, type, 8),
            reader.Values(physical, type, 8, isBigEndian: false, Encoding.UTF8));
        Assert.Throws<MemProcException>(() => reader.Values(physical, MemoryType.Parse("char*"), 1, false, Encoding.UTF8));
    }

    [Fact]
    public void A_file_holds_the_bytes_and_belongs_to_its_owner_alone()
    {
        using PhysicalMemoryReader reader = Reader();
        using TemporaryFolder folder = new();
        ulong huge = FramePages.Huge(Target, Process);
        Target.Ask($"fill {huge} {HugeTlb.PageBytes / 2} 8");
        ulong physical = FramePages.Pfns(Process, huge)[0] * Page.Size;
        string path = Path.Combine(folder.Path, "physical");
        List<ulong> progress = [];
        PhysicalMemoryFile file = PhysicalMemoryFile.Save(reader, physical, HugeTlb.PageBytes, path, overwrite: false, progress.Add);
        Assert.Equal((physical, HugeTlb.PageBytes, path), (file.PhysicalAddress, file.Length, file.Path));
        Assert.Empty(file.Gaps);
        Assert.Equal(physical / Page.Size, FramePages.Pfns(Process, huge)[0]);
        Assert.Equal(new MemoryReader(Process, ReadMethod.Auto).ReadExactly(huge, HugeTlb.PageBytes), File.ReadAllBytes(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(HugeTlb.PageBytes, progress[^1]);
        Assert.Equal(Errno.EEXIST, Assert.Throws<MemProcException>(
            () => PhysicalMemoryFile.Save(reader, physical, Page.Size, path, overwrite: false, _ => { })).Errno);
        // Where nothing can be read no file remains.
        string other = Path.Combine(folder.Path, "other");
        Assert.Throws<MemProcException>(() => PhysicalMemoryFile.Save(reader, 1UL << 50, Page.Size, other, overwrite: false, _ => { }));
        Assert.Equal([path], Directory.GetFiles(folder.Path));
    }

    private static PhysicalMemoryReader Reader()
    {
        LiveKernel.Require();
        PhysicalMemoryReader reader = new();
        reader.Prepare();
        return reader;
    }

    private static void AssertEqualToProcess(
        PhysicalMemoryReader reader, TargetProcess target, LinuxProcess process, ulong address, ulong pages)
    {
        byte[] expected = new MemoryReader(process, ReadMethod.Auto).ReadExactly(address, pages * Page.Size);
        Assert.True(expected.AsSpan().ContainsAnyExcept((byte)0));
        ulong[] pfns, after;
        byte[][] found;
        do
        {
            // The kernel can move a page to another frame at any time, and merges and compacts memory meanwhile.
            pfns = FramePages.Pfns(process, address, pages);
            found = Array.ConvertAll(pfns, pfn => reader.ReadExactly(pfn * Page.Size, Page.Size));
            after = FramePages.Pfns(process, address, pages);
        }
        while (!pfns.SequenceEqual(after));

        for (int page = 0; page < pfns.Length; page++)
        {
            Assert.True(expected.AsSpan(page * (int)Page.Size, (int)Page.Size).SequenceEqual(found[page]),
                $"page {page} of 0x{address:x}, frame 0x{pfns[page]:x}");
        }

        Assert.False(target.HasExited);
    }
}

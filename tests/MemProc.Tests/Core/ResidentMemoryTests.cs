using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests resident memory, and reads that fault nothing in.</summary>
public sealed class ResidentMemoryTests
{
    [Fact]
    public void Touched_pages_are_ranges_across_mappings()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {64 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address + 2 * Page.Size} 5");
        target.Ask($"touch {address + 9 * Page.Size} 1");
        target.Ask($"touch {address + 63 * Page.Size} 1");
        target.Ask($"protect {address + 4 * Page.Size} {Page.Size} r--");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal([(2UL, 7UL), (9UL, 10UL), (63UL, 64UL)],
            new ResidentMemory(process).Ranges(address, address + 64 * Page.Size)
                .Select(range => ((range.Start - address) / Page.Size, (range.End - address) / Page.Size)));
    }

    [Fact]
    public void A_reservation_of_a_terabyte_is_read_without_its_holes()
    {
        using TargetProcess target = TargetProcess.Start();
        const ulong Length = 1UL << 40;
        TargetReply reserved = target.Ask($"reserve {Length} 3");
        (ulong address, ulong stride) = (reserved.Address("address"), reserved.Number("stride"));
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        Assert.Equal([0UL, stride, 2 * stride],
            new ResidentMemory(process).Ranges(address, address + Length).Select(range => range.Start - address));

        MemoryBlock[] blocks =
            [.. new MemoryReader(process, ReadMethod.Auto) { ResidentOnly = true }.ReadBlocks(address, Length)];
        Assert.Equal(Length, blocks.Aggregate(0UL, (sum, block) => sum + block.Length));
        ulong missing = blocks.SelectMany(block => block.Gaps).Aggregate(0UL, (sum, gap) => sum + gap.Length);
        Assert.Equal(Length - 3 * Page.Size, missing);
        Assert.All(blocks.SelectMany(block => block.Gaps), gap => Assert.Equal(MemoryGapKind.NotResident, gap.Kind));
        Assert.Equal(3, new ResidentMemory(process).Ranges(address, address + Length).Count());
    }

    [Theory]
    [InlineData(ReadMethod.ProcessVm)]
    [InlineData(ReadMethod.Mem)]
    public void Nonresident_unmapped_and_unreadable_memory_are_distinguished(ReadMethod method)
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {6 * Page.Size} rw- private").Address("address");
        target.Ask($"fill {address + Page.Size} {Page.Size} 7");
        byte[] expected = target.Ask($"peek {address + Page.Size} {Page.Size}").Bytes("bytes");
        target.Ask($"unmap {address + 3 * Page.Size} {Page.Size}");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryBlock block = Assert.Single(
            new MemoryReader(process, method) { ResidentOnly = true }.ReadBlocks(address, 6 * Page.Size));
        Assert.Equal(
            [(0UL, 1UL, MemoryGapKind.NotResident), (2UL, 1UL, MemoryGapKind.NotResident),
                (3UL, 1UL, MemoryGapKind.NotMapped), (4UL, 2UL, MemoryGapKind.NotResident)],
            block.Gaps.Select(gap => ((gap.Address - address) / Page.Size, gap.Length / Page.Size, gap.Kind)));
        Assert.Equal(expected, block.Bytes.AsSpan((int)Page.Size, (int)Page.Size).ToArray());
        Assert.Single(new ResidentMemory(process).Ranges(address, address + 6 * Page.Size));
    }

    [Fact]
    public void A_complete_read_of_nonresident_memory_is_rejected_with_a_reason()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {Page.Size} rw- private").Address("address");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryReader reader = new(process, ReadMethod.Auto) { ResidentOnly = true };
        MemProcException error = Assert.Throws<MemProcException>(() => reader.ReadExactly(address, 8));
        Assert.Equal((Errno.ENODATA, address), (error.Errno, (ulong)error.Target!));
    }
}

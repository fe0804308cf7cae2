namespace MemProc.Tests;

/// <summary>Tests arm64 page table entries according to the kernel's source. tests/Guest/arm64 walks on real kernels.</summary>
public sealed class Arm64PageTableTests
{
    private const ulong Page = 0x0060_0000_0000_0fc3 & ~(1UL << 7);

    [Theory]
    [InlineData(4096, 4, 0x0000_ffff_1234_5000, new[] { 0x1ff, 0x1fc, 0x091, 0x145 })]
    [InlineData(4096, 3, 0x0000_007f_1234_5000, new[] { 0x1fc, 0x091, 0x145 })]
    [InlineData(16384, 3, 0x0000_7fff_1234_4000, new[] { 0x7ff, 0x789, 0x0d1 })]
    [InlineData(65536, 3, 0x0000_ffff_1234_0000, new[] { 0x03f, 0x1ff8, 0x1234 })]
    [InlineData(65536, 2, 0x0000_03ff_1234_0000, new[] { 0x1ff8, 0x1234 })]
    public void An_address_is_split_by_the_page_size(ulong pageBytes, int levels, ulong address, int[] indexes)
    {
        Arm64PageTable format = new(pageBytes, levels, marksInvalid: true);
        Assert.Equal(indexes, Enumerable.Range(1, levels).Reverse().Select(level => format.IndexOf(address, level)));
        ulong joined = Enumerable.Range(1, levels)
            .Aggregate(0UL, (sum, level) => sum + (ulong)format.IndexOf(address, level) * format.BytesOf(level));
        Assert.Equal(address, joined);
    }

    [Theory]
    [InlineData(4096, 2, 2UL << 20)]
    [InlineData(4096, 3, 1UL << 30)]
    [InlineData(16384, 2, 32UL << 20)]
    [InlineData(65536, 2, 512UL << 20)]
    public void A_block_is_a_page_and_a_table_is_not(ulong pageBytes, int level, ulong size)
    {
        Arm64PageTable format = new(pageBytes, 3, marksInvalid: true);
        Assert.Equal(size, format.BytesOf(level));
        PageTableBits block = format.Decode(0x4_8000_0000 | 0x0060_0000_0000_0f41, level);
        Assert.Equal((true, true, 0x4_8000_0000UL & ~(size - 1)), (block.IsPresent, block.IsLeaf, block.PhysicalAddress));
        PageTableBits table = format.Decode(0x4_8123_0000 | 3, level);
        Assert.Equal((true, false, 0x4_8123_0000UL), (table.IsPresent, table.IsLeaf, table.PhysicalAddress));
        Assert.True(format.Decode(0x4_8123_0000 | 3, 1).IsLeaf);
    }

    [Fact]
    public void Writable_and_dirty_are_encoded_in_two_bits()
    {
        Arm64PageTable format = new(4096, 4, marksInvalid: true);
        const ulong Entry = 0x4_8123_4000 | Page, Writable = 1UL << 51, ReadOnly = 1 << 7, Dirty = 1UL << 55;
        Assert.Equal((true, true), TestTrait(Entry | Writable));
        Assert.Equal((true, false), TestTrait(Entry | Writable | ReadOnly));
        Assert.Equal((false, false), TestTrait(Entry | ReadOnly));
        Assert.Equal((false, true), TestTrait(Entry | ReadOnly | Dirty));
        Assert.Null(format.TestTrait(0x4_8123_4003, 2, PageTableTrait.Writable));
        Assert.True(format.TestTrait(Entry | 1UL << 54, 1, PageTableTrait.NoExecute));
        Assert.False(format.TestTrait(Entry, 1, PageTableTrait.Global));

        (bool?, bool?) TestTrait(ulong entry) =>
            (format.TestTrait(entry, 1, PageTableTrait.Writable), format.TestTrait(entry, 1, PageTableTrait.Dirty));
    }

    [Theory]
    [InlineData(true, 1UL << 11)]
    [InlineData(false, 1UL << 58)]
    [InlineData(false, 1UL << 59)]
    public void A_page_without_access_has_a_different_mark_since_Linux_6_10(bool marksInvalid, ulong mark)
    {
        Arm64PageTable format = new(4096, 4, marksInvalid);
        ulong entry = (0x4_8123_4000 | Page) & ~(1UL | 1UL << 11) | mark;
        PageTableBits bits = format.Decode(entry, 1);
        Assert.Equal((true, true, 0x4_8123_4000UL), (bits.IsPresent, bits.IsLeaf, bits.PhysicalAddress));
        Assert.Equal("PROT_NONE", format.FlagNames(entry, 1)[0]);
    }

    [Theory]
    [InlineData(true, 6, 12)]
    [InlineData(false, 3, 8)]
    public void An_entry_that_is_not_present_has_a_type_and_an_offset(bool marksInvalid, int typeShift, int offsetShift)
    {
        Arm64PageTable format = new(4096, 4, marksInvalid);
        PageTableBits bits = format.Decode(7UL << typeShift | 0x6314UL << offsetShift, 1);
        Assert.Equal((false, true, 7U, 0x6314UL), (bits.IsPresent, bits.IsSwapEntry, bits.SwapType, bits.SwapOffset));
        Assert.Equal(default, format.Decode(0, 1));
    }

    [Theory]
    // Bits 48 to 51 of an address: 64 KiB in bits 12 to 15, LPA2 in bits 48, 49, 8, and 9.
    [InlineData(65536, false, 0x0000_8123_0000_a003, 0x000a_8123_0000_0000)]
    [InlineData(4096, true, 0x0003_0004_8123_4303, 0x000f_0004_8123_4000)]
    [InlineData(16384, true, 0x0001_0004_8123_4203, 0x0009_0004_8123_4000)]
    // Without LPA2 bits 8 and 9 are the shareability, and 48 and 49 are no address.
    [InlineData(4096, false, 0x0000_0004_8123_4303, 0x0000_0004_8123_4000)]
    public void Addresses_of_52_bits_are_joined(ulong pageBytes, bool isLarge, ulong entry, ulong address)
    {
        Arm64PageTable format = new(pageBytes, 3, marksInvalid: true, isLarge);
        Assert.Equal(address, format.Decode(entry, 1).PhysicalAddress);
        Assert.Equal(entry & ~3UL & ~(isLarge || pageBytes == 65536 ? 0 : 0x300UL), entry & format.AddressBits);
    }

    [Fact]
    public void The_direct_map_of_64_KiB_pages_can_begin_at_512_MiB()
    {
        const ulong Table = 0xffff_0000_6123_0000, Step = 512UL << 20;
        Assert.Contains(Table & ~(Step - 1), KernelAddresses.DirectMapCandidates(Table, 3, 65536));
        Assert.DoesNotContain(Table & ~(Step - 1), KernelAddresses.DirectMapCandidates(Table, 3, 4096));
    }

    [Theory]
    [InlineData(0xb400_ffff_a1b2_a000, 0x0000_ffff_a1b2_a000)]
    [InlineData(0x3400_ffff_a1b2_a000, 0x0000_ffff_a1b2_a000)]
    [InlineData(0x0000_ffff_a1b2_a000, 0x0000_ffff_a1b2_a000)]
    // Bit 55: an address of the kernel.
    [InlineData(0xffff_0000_6123_0000, 0xffff_0000_6123_0000)]
    [InlineData(0xf0ff_0000_6123_0000, 0xf0ff_0000_6123_0000)]
    public void The_tag_of_a_pointer_is_removed(ulong pointer, ulong address)
    {
        Assert.Equal(address, UserRange.Untag(pointer, hasTags: true));
        Assert.Equal(pointer, UserRange.Untag(pointer, hasTags: false));
    }

    [Theory]
    [InlineData(0x3_0010_0073, 0x2_0010_0073, 32)] // Linux 6.1
    [InlineData(0x30_0010_0073, 0x20_0010_0073, 36)] // Linux 6.12
    public void The_flags_of_memory_tags_are_those_that_the_kernel_sets_on_own_memory(ulong tagged, ulong plain, int bit)
    {
        (ulong Bit, string Name)[] flags = VmaFlagNames.OfTags(tagged, plain);
        Assert.Equal([(1UL << bit, "MTE"), (2UL << bit, "MTE_ALLOWED")], flags);
        Assert.Equal(["READ", "MTE"], VmaFlagNames.Of(1 | 1UL << bit, flags));
    }

    [Fact]
    public void Without_memory_tags_no_bit_is_called_so()
    {
        Assert.Empty(VmaFlagNames.OfTags(0x10_0073, 0x10_0073));
        Assert.Equal(["READ"], VmaFlagNames.Of(1 | 1UL << 36, []));
    }
}

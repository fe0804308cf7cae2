namespace MemProc.Tests;

/// <summary>Tests the bits of x86-64 page table entries.</summary>
public sealed class X64PageTableTests
{
    private readonly X64PageTable _four = new(4, 0, savesDirty: true);
    private readonly X64PageTable _five = new(5, 0, savesDirty: true);

    [Fact]
    public void The_known_address_has_its_indexes()
    {
        const ulong Address = 0x7f13_3f16_3000;
        Assert.Equal([0x7f0, 0x260, 0xfc0, 0xb18],
            Down(4).Select(level => _four.IndexOf(Address, level) * PageTableFormat.EntryBytes));
        Assert.Equal([PageTableLevel.PGD, PageTableLevel.PUD, PageTableLevel.PMD, PageTableLevel.PTE],
            Down(4).Select(_four.NameOf));
        Assert.Equal([1UL << 39, 1UL << 30, 1UL << 21, 1UL << 12], Down(4).Select(_four.BytesOf));
    }

    [Theory]
    [InlineData(0x30bee067, 4, 0x30bee000, false, "P RW US A")]
    [InlineData(0x323b1067, 3, 0x323b1000, false, "P RW US A")]
    [InlineData(0x0c934067, 2, 0x0c934000, false, "P RW US A")]
    [InlineData(0x8000_0000_222e_3047, 1, 0x222e3000, true, "P RW US D NX")]
    [InlineData(0x8000_0001_2340_08e7, 2, 0x1_2340_0000, true, "P RW US A D SoftDirty PS NX")]
    [InlineData(0x8000_0001_4000_10a5, 3, 0x1_4000_0000, true, "P US A PS PAT NX")]
    [InlineData(0x0000_0000_0012_30a5, 1, 0x123000, true, "P US A PAT")]
    [InlineData(0x8400_0000_0012_3025, 1, 0x123000, true, "P US A SavedDirty NX")]
    [InlineData(0x8000_0000_0012_3665, 1, 0x123000, true, "P US A D Special UffdWp NX")]
    public void An_entry_refers_to_a_table_or_to_a_page(ulong entry, int level, ulong leadsTo, bool isLeaf, string names)
    {
        PageTableBits bits = _four.Decode(entry, level);
        Assert.Equal((true, isLeaf, leadsTo, false), (bits.IsPresent, bits.IsLeaf, bits.PhysicalAddress, bits.IsSwapEntry));
        Assert.Equal(names, string.Join(' ', _four.FlagNames(entry, level)));
        Assert.Equal(isLeaf, bits.ProtectionKey is not null);
    }

    [Fact]
    public void Five_levels_have_one_more()
    {
        const ulong Address = 0x00ab_7f13_3f16_3000;
        Assert.Equal([0xab, 0x0fe, 0x04c, 0x1f8, 0x163],
            Down(5).Select(level => _five.IndexOf(Address, level)));
        Assert.Equal([PageTableLevel.PGD, PageTableLevel.P4D, PageTableLevel.PUD, PageTableLevel.PMD, PageTableLevel.PTE],
            Down(5).Select(_five.NameOf));
        Assert.Equal(1UL << 48, _five.BytesOf(5));
        // There are no pages of the size of a fourth-level entry: the page size bit has no meaning there.
        Assert.False(_five.Decode(0x30be_e0e7, 4).IsLeaf);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_page_without_access_has_its_address_inverted(int level)
    {
        const ulong Frame = 0x1_2340_0000;
        ulong large = level == 2 ? 1UL << 7 : 0;
        ulong entry = 0x8000_0000_0000_0120 | large | (~Frame & 0x000f_ffff_ffff_f000);
        PageTableBits bits = _four.Decode(entry, level);
        Assert.Equal((true, true, Frame), (bits.IsPresent, bits.IsLeaf, bits.PhysicalAddress));
        Assert.Equal("PROT_NONE", _four.FlagNames(entry, level)[0]);
        Assert.DoesNotContain("G", _four.FlagNames(entry, level));
        Assert.Null(_four.TestTrait(entry, level, PageTableTrait.Global));
        Assert.False(_four.TestTrait(entry, level, PageTableTrait.User));
    }

    [Theory]
    [InlineData(0, 0x6314)]
    [InlineData(2, 1)]
    [InlineData(31, 1)]
    [InlineData(30, 0x123456)]
    public void An_entry_that_is_not_present_has_a_type_and_an_offset(uint type, ulong offset)
    {
        ulong entry = (ulong)type << 59 | ~offset << 14 >> 5;
        PageTableBits bits = _four.Decode(entry, 1);
        Assert.Equal((false, true, true, type, offset),
            (bits.IsPresent, bits.IsLeaf, bits.IsSwapEntry, bits.SwapType, bits.SwapOffset));
        Assert.Null(_four.TestTrait(entry, 1, PageTableTrait.Dirty));
        Assert.Empty(_four.FlagNames(entry, 1));
        Assert.Equal(["SoftDirty", "UffdWp", "Exclusive"], _four.FlagNames(entry | 0xe, 1));
    }

    [Fact]
    public void An_empty_entry_has_no_properties()
    {
        Assert.Equal(default, _four.Decode(0, 1));
        Assert.Empty(_four.FlagNames(0, 1));
        Assert.Null(_four.TestTrait(0, 1, PageTableTrait.Writable));
    }

    [Fact]
    public void The_memory_encryption_bit_is_not_part_of_the_address()
    {
        const ulong Encrypted = 1UL << 51;
        X64PageTable format = new(4, Encrypted, savesDirty: true);
        Assert.Equal(0x222e3000UL, format.Decode(0x8000_0000_222e_3047 | Encrypted, 1).PhysicalAddress);
        Assert.Equal(0x30bee000UL, format.Decode(0x30bee067 | Encrypted, 4).PhysicalAddress);
        Assert.Equal(0x222e3000UL | Encrypted, _four.Decode(0x8000_0000_222e_3047 | Encrypted, 1).PhysicalAddress);
        Assert.Equal(20, KernelAddresses.EncryptionBits.Skip(1).Distinct().Count());
        Assert.Equal((0UL, 1UL << 51), (KernelAddresses.EncryptionBits.First(), KernelAddresses.EncryptionBits.ElementAt(1)));
    }

    [Fact]
    public void Bit_58_means_dirty_since_Linux_6_6_only()
    {
        const ulong Entry = 0x8400_0000_0012_3025;
        Assert.True(_four.TestTrait(Entry, 1, PageTableTrait.Dirty));
        X64PageTable older = new(4, 0, savesDirty: false);
        Assert.False(older.TestTrait(Entry, 1, PageTableTrait.Dirty));
        Assert.Contains("SW4", older.FlagNames(Entry, 1));
    }

    [Fact]
    public void The_protection_key_of_pages_is_returned() =>
        Assert.Equal(((byte?)5, (byte?)null),
            (_four.Decode(0x5UL << 59 | 0x123067, 1).ProtectionKey, _four.Decode(0x123067, 2).ProtectionKey));

    private static IEnumerable<int> Down(int levels) => Enumerable.Range(1, levels).Reverse();
}

using MemProc.Interop;

namespace MemProc.Tests.Interop;

public sealed class RawPageMapEntryTests
{
    [Theory]
    // Recorded on Linux 6.18: private anonymous page, zero page, shared anonymous page, vDSO, no page.
    [InlineData(0x8100000000158561, 0x158561, true, false)]
    [InlineData(0x8000000000003b34, 0x3b34, false, false)]
    [InlineData(0xa10000000010f53b, 0x10f53b, true, true)]
    [InlineData(0xa000000000002861, 0x2861, false, true)]
    // The maximum frame number of the field.
    [InlineData(0x807fffffffffffff, 0x7fffffffffffff, false, false)]
    // Bit 54 belongs to the frame number; some tools mistake it for soft-dirty.
    [InlineData(0x8040000000000001, 0x40000000000001, false, false)]
    public void A_present_page_has_a_frame(ulong raw, ulong pfn, bool isExclusive, bool isFileOrShared)
    {
        RawPageMapEntry word = new(raw);
        Assert.Equal(raw, word.Raw);
        Assert.True(word.IsPresent);
        Assert.True(word.IsPopulated);
        Assert.Equal(pfn, word.Pfn);
        Assert.False(word.IsPfnHidden);
        Assert.Equal(isExclusive, word.IsExclusive);
        Assert.Equal(isFileOrShared, word.IsFileOrShared);
        Assert.False(word.IsSwapped);
        Assert.False(word.IsSoftDirty);
        Assert.False(word.IsGuard);
        Assert.False(word.IsWriteProtected);
        Assert.Contains($"Pfn = {pfn},", word.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x8100000000000000)]
    [InlineData(0xa000000000000000)]
    [InlineData(0x8180000000000000)]
    public void A_present_page_without_a_frame_number_is_hidden(ulong raw)
    {
        RawPageMapEntry word = new(raw);
        Assert.True(word.IsPresent);
        Assert.True(word.IsPfnHidden);
        Assert.Equal(0UL, word.Pfn);
    }

    [Theory]
    // A tool that only masks bits 55 to 63 mistakes this for a frame; page-types shows 6314.
    [InlineData(0x00000000000c6280, 0, 0x6314)]
    [InlineData(0x40000000000c6280, 0, 0x6314)]
    [InlineData(0x400000000000003f, 31, 1)]
    [InlineData(0x407fffffffffffff, 31, 0x3ffffffffffff)]
    public void A_swap_entry_has_a_type_and_an_offset_and_no_frame(ulong raw, int type, ulong offset)
    {
        RawPageMapEntry word = new(raw);
        Assert.Equal(type, word.SwapType);
        Assert.Equal(offset, word.SwapOffset);
        Assert.Equal(0UL, word.Pfn);
        Assert.False(word.IsPresent);
        Assert.False(word.IsPfnHidden);
        Assert.Equal((raw >> 62 & 1) != 0, word.IsSwapped);
    }

    [Fact]
    public void A_guard_region_is_not_in_swap()
    {
        // Recorded on Linux 6.18 after MADV_GUARD_INSTALL.
        RawPageMapEntry word = new(0x440000000000009f);
        Assert.True(word.IsGuard);
        Assert.False(word.IsSwapped);
        Assert.False(word.IsPresent);
        Assert.True(word.IsPopulated);
        Assert.Equal(0UL, word.Pfn);
    }

    [Theory]
    [InlineData(55, false)]
    [InlineData(56, false)]
    [InlineData(57, true)]
    [InlineData(58, true)]
    [InlineData(59, false)]
    [InlineData(60, false)]
    [InlineData(61, false)]
    [InlineData(62, true)]
    [InlineData(63, true)]
    public void Each_bit_sets_one_property(int bit, bool isPopulated)
    {
        RawPageMapEntry word = new(1UL << bit);
        Assert.Equal(bit == 55, word.IsSoftDirty);
        Assert.Equal(bit == 56, word.IsExclusive);
        Assert.Equal(bit == 57, word.IsWriteProtected);
        Assert.Equal(bit == 58, word.IsGuard);
        Assert.Equal(bit == 61, word.IsFileOrShared);
        Assert.Equal(bit == 62, word.IsSwapped);
        Assert.Equal(bit == 63, word.IsPresent);
        Assert.Equal(isPopulated, word.IsPopulated);
    }

    [Fact]
    public void An_entry_of_zero_is_not_populated() => Assert.False(new RawPageMapEntry(0).IsPopulated);
}

using MemProc.Interop;

namespace MemProc.Tests.Interop;

public sealed class KernelPageFlagSetTests
{
    /// <summary>Letters of bits 0 to 26 in the kernel's own tools/mm/page-types.c.</summary>
    private const string StableLetters = "LERUDlASWIBMasbHTGuXnxtozig";

    /// <summary>Letters of bits 32 to 41 there.</summary>
    private const string RawLetters = "rmdPpOhcfH";

    [Theory]
    // Recorded output of page-types.
    [InlineData(0x0, "___________________________", "")]
    [InlineData(0x800, "___________M_______________", "mmap")]
    [InlineData(0x828, "___U_l_____M_______________", "uptodate,lru,mmap")]
    [InlineData(0x86c, "__RU_lA____M_______________", "referenced,uptodate,lru,active,mmap")]
    [InlineData(0x5828, "___U_l_____Ma_b____________", "uptodate,lru,mmap,anonymous,swapbacked")]
    [InlineData(0x5838, "___UDl_____Ma_b____________", "uptodate,dirty,lru,mmap,anonymous,swapbacked")]
    [InlineData(0x7828, "___U_l_____Masb____________", "uptodate,lru,mmap,anonymous,swapcache,swapbacked")]
    [InlineData(0x1000000, "________________________z__", "zero_page")]
    [InlineData(0x2000028, "___U_l___________________i_", "uptodate,lru,idle_page")]
    [InlineData(0x200586c, "__RU_lA____Ma_b__________i_",
        "referenced,uptodate,lru,active,mmap,anonymous,swapbacked,idle_page")]
    [InlineData(0x4000000, "__________________________g", "pgtable")]
    [InlineData(0x8000c, "__RU_______________X_______", "referenced,uptodate,hwpoison")]
    [InlineData(0x100000, "____________________n______", "nopage")]
    public void Flags_are_shown_as_page_types_shows_them(ulong raw, string symbol, string names)
    {
        KernelPageFlagSet word = new(raw);
        Assert.Equal(names, string.Join(',', word.Names));
        Assert.Equal(symbol, word.Symbol[..symbol.Length]);
        Assert.Equal("", word.Symbol[symbol.Length..].Trim('_'));
    }

    [Theory]
    [InlineData(27, "bit27")]
    [InlineData(31, "bit31")]
    [InlineData(42, "arch_3")]
    [InlineData(49, "bit49")]
    [InlineData(60, "bit60")]
    public void A_bit_without_a_letter_is_kept(int bit, string name)
    {
        KernelPageFlagSet word = new(1UL << bit | 1UL << 3);
        Assert.Equal(["uptodate", name], word.Names);
        Assert.StartsWith("___U____", word.Symbol, StringComparison.Ordinal);
        Assert.EndsWith($"_+{bit}", word.Symbol, StringComparison.Ordinal);
    }

    [Fact]
    public void Sixty_four_bits_are_sixty_four_names()
    {
        KernelPageFlagSet word = new(ulong.MaxValue);
        Assert.Equal(64, word.Names.Distinct().Count());
        Assert.EndsWith(
            "1+27+28+29+30+31+42+43+44+45+46+49+52+53+54+55+56+57+58+59+60",
            word.Symbol, StringComparison.Ordinal);
        Assert.StartsWith(StableLetters + RawLetters, word.Symbol, StringComparison.Ordinal);
    }

    [Fact]
    public void The_table_is_in_order_and_names_are_unique()
    {
        IReadOnlyList<KernelPageFlag> all = KernelPageFlag.All;
        Assert.Equal(all.Select(flag => flag.Bit).Order(), all.Select(flag => flag.Bit));
        Assert.Equal(all.Count, all.Select(flag => flag.Bit).Distinct().Count());
        Assert.Equal(all.Count, all.Select(flag => flag.Name).Distinct().Count());
        Assert.All(all, flag => Assert.False(string.IsNullOrWhiteSpace(flag.Meaning)));
        Assert.All(all, flag => Assert.Equal(
            flag.Bit < 32 ? PageFlagOrigin.Stable : flag.Bit < 47 ? PageFlagOrigin.Raw : PageFlagOrigin.Overloaded,
            flag.Origin));
    }

    [Fact]
    public void Letters_are_those_of_page_types()
    {
        Dictionary<int, char> letters = KernelPageFlag.All.Where(flag => flag.Letter != '\0')
            .ToDictionary(flag => flag.Bit, flag => flag.Letter);
        Dictionary<int, char> expected = new()
        {
            [47] = 'd', [48] = 'I', [50] = 'A', [51] = 'E', [61] = 'F', [62] = 'w', [63] = '1',
        };
        for (int i = 0; i < StableLetters.Length; i++)
        {
            expected[i] = StableLetters[i];
        }

        for (int i = 0; i < RawLetters.Length; i++)
        {
            expected[32 + i] = RawLetters[i];
        }

        Assert.Equal(expected.OrderBy(pair => pair.Key), letters.OrderBy(pair => pair.Key));
    }

    [Theory]
    [InlineData(0x0000ffff_00000028, 0x28)]
    [InlineData(0xffff0000_00000028, 0xffff0000_00000028)]
    // Compound head and tail are kept for hugetlb pages only.
    [InlineData(0x18028, 0x28)]
    [InlineData(0x38028, 0x38028)]
    [InlineData(0x408028, 0x400028)]
    [InlineData(0x8000000, 0x8000000)]
    public void Kernel_internal_flags_can_be_omitted(ulong raw, ulong wellKnown) =>
        Assert.Equal(wellKnown, new KernelPageFlagSet(raw).WellKnown.Raw);

    [Theory]
    [InlineData(1UL << 5, true, false, false)]
    [InlineData(1UL << 16, false, true, false)]
    [InlineData(1UL << 19, false, false, true)]
    [InlineData(~(1UL << 5 | 1UL << 16 | 1UL << 19), false, false, false)]
    public void Single_bits_are_tested(ulong raw, bool isOnLru, bool isCompoundTail, bool isPoisoned)
    {
        KernelPageFlagSet word = new(raw);
        Assert.Equal((isOnLru, isCompoundTail, isPoisoned), (word.IsOnLru, word.IsCompoundTail, word.IsPoisoned));
    }

    [Theory]
    // owner_2 of an anonymous page, and of another page.
    [InlineData(1UL << 34 | 1UL << 12, 1UL << 47 | 1UL << 12)]
    [InlineData(1UL << 34, 1UL << 34)]
    // active and error of a slab, and of another page.
    [InlineData(1UL << 7 | 1UL << 6 | 1UL << 1, 1UL << 7 | 1UL << 50 | 1UL << 51)]
    [InlineData(1UL << 6 | 1UL << 1, 1UL << 6 | 1UL << 1)]
    // reclaim means readahead unless the page is being written back.
    [InlineData(1UL << 9, 1UL << 48)]
    [InlineData(1UL << 9 | 1UL << 8, 1UL << 9 | 1UL << 8)]
    [InlineData(1UL << 27 | 1UL << 49, 1UL << 27 | 1UL << 49)]
    public void Overloaded_bits_are_distinguished(ulong raw, ulong expanded) =>
        Assert.Equal(expanded, new KernelPageFlagSet(raw).Expand().Raw);
}

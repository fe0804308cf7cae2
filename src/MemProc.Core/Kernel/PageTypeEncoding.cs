using MemProc.Interop;

namespace MemProc;

/// <summary>What page_type says of a frame that no process maps.</summary>
internal enum PageType
{
    None,
    Buddy,
    Offline,
    Table,
    Guard,
    HugeTlb,
    Slab,
    Zsmalloc,
    Unaccepted,
    LargeKmalloc,
    Other,
}

/// <summary>
/// Decodes page_type (<c>include/linux/page-flags.h</c>). From Linux 6.12 its upper byte is the type; before, each type is a
/// bit that is cleared, with the upper bits as a mark.
/// </summary>
internal sealed class PageTypeEncoding
{
    private static readonly (string Name, PageType Type)[] Known =
    [
        ("buddy", PageType.Buddy), ("offline", PageType.Offline), ("table", PageType.Table), ("guard", PageType.Guard),
        ("hugetlb", PageType.HugeTlb), ("slab", PageType.Slab), ("zsmalloc", PageType.Zsmalloc),
        ("unaccepted", PageType.Unaccepted), ("large_kmalloc", PageType.LargeKmalloc),
    ];

    private readonly PageType[]? _byNumber;
    private readonly (uint Bit, PageType Type)[] _bits;
    private readonly uint _mark;

    private PageTypeEncoding(PageType[]? byNumber, uint mark, (uint Bit, PageType Type)[] bits) =>
        (_byNumber, _mark, _bits) = (byNumber, mark, bits);

    /// <summary>Returns the encoding of a kernel.</summary>
    public static PageTypeEncoding Of(BtfTypes types)
    {
        const int Numbers = 256, FirstNumber = 0xf0;
        if (types.ValueOf("pagetype", "PGTY_buddy") is not null)
        {
            PageType[] byNumber = new PageType[Numbers];
            byNumber.AsSpan(FirstNumber).Fill(PageType.Other);
            // The upper byte of a map count of -1 and below.
            byNumber[^1] = PageType.None;
            foreach ((string name, PageType type) in Known)
            {
                if (types.ValueOf("pagetype", $"PGTY_{name}") is uint number and < Numbers)
                {
                    byNumber[number] = type;
                }
            }

            return new PageTypeEncoding(byNumber, 0, []);
        }

        if (types.ValueOf("pagetype", "PAGE_TYPE_BASE") is uint mark)
        {
            return new PageTypeEncoding(null, mark, [.. Known
                .Select(known => (Bit: types.ValueOf("pagetype", $"PG_{known.Name}") ?? 0, known.Type))
                .Where(known => known.Bit != 0)]);
        }

        // Until Linux 6.9 the numbers are macros, which BTF does not have.
        const uint Mark = 0xf000_0000;
        bool hasKmemcg = types.OffsetOf("page", "mem_cgroup") is not null;
        bool isHugeTlbType = types.OffsetOf("folio", "_flags_1") is not null
            && types.OffsetOf("folio", "_folio_dtor") is null && types.OffsetOf("page", "compound_dtor") is null
            && types.ValueOf("pageflags", "PG_hugetlb") is null;
        List<(uint, PageType)> bits =
        [
            (0x80, PageType.Buddy), (0x100, PageType.Offline),
            (hasKmemcg ? 0x400u : 0x200u, PageType.Table), (hasKmemcg ? 0x800u : 0x400u, PageType.Guard),
        ];
        if (isHugeTlbType)
        {
            bits.Add((0x800, PageType.HugeTlb));
        }

        return new PageTypeEncoding(null, Mark, [.. bits]);
    }

    /// <summary>Returns the type.</summary>
    /// <param name="value">page_type, which is a map count for the type None.</param>
    public PageType Decode(uint value)
    {
        if (_byNumber is not null)
        {
            return _byNumber[value >> 24];
        }

        if ((value & _mark) == _mark && value != uint.MaxValue)
        {
            foreach ((uint bit, PageType type) in _bits)
            {
                if ((value & bit) == 0)
                {
                    return type;
                }
            }
        }

        return PageType.None;
    }
}

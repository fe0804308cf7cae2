using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>
/// Describes the structures of page frames as kernels of several versions do: where they keep the order of a folio, page
/// types, slabs, huge pages and cgroups.
/// </summary>
internal static class FrameBtf
{
    public const int PageBytes = 64;

    /// <summary>The versions, with what is new in each.</summary>
    public static readonly string[] Versions =
    [
        "5.10", // slabs are struct pages; page types are macros, one of them for memory cgroups
        "6.1", // struct folio, struct slab
        "6.7", // hugetlb is a flag of the second page
        "6.9", // hugetlb is a page type, a macro
        "6.11", // page types are an enumeration of bits, slabs among them
        "6.12", // page types are numbers
        "6.18", // flags have other numbers, struct slab another order
    ];

    /// <summary>Returns the layout of a version.</summary>
    public static FrameLayout Layout(string version)
    {
        BtfBlob btf = new();
        SimulatedKernel.Describe(btf, hasTree: false);
        Describe(btf, version);
        return new FrameLayout(new BtfTypes(btf.ToBytes(), ["file", .. FrameLayout.TypeNames]));
    }

    /// <summary>Describes the structures of a version.</summary>
    public static void Describe(BtfBlob btf, string version)
    {
        Version number = Version.Parse(version);
        bool Has(int minor) => number >= new Version(6, minor);
        bool isOld = number.Major == 5;
        uint word = btf.Integer("unsigned long", 8), half = btf.Integer("int", 4), small = btf.Integer("char", 1), pointer = btf.Pointer();
        List<(string, uint, uint)> page =
        [
            ("flags", 0, word), ("lru", 8, pointer), ("compound_head", 8, word), ("mapping", 24, pointer), ("private", 40, word),
            ("_mapcount", 48, half), ("page_type", 48, half), ("_refcount", 52, half),
            (isOld ? "mem_cgroup" : "memcg_data", 56, word),
        ];
        page.Add((Has(18) ? "__folio_index" : "index", 32u, word));
        if (!Has(5))
        {
            page.AddRange([("compound_dtor", 16, small), ("compound_order", 17, small), ("compound_mapcount", 20, half)]);
            btf.Enumeration("compound_dtor_id", ("NULL_COMPOUND_DTOR", 0), ("COMPOUND_PAGE_DTOR", 1), ("HUGETLB_PAGE_DTOR", 2));
        }

        if (isOld)
        {
            page.Add(("slab_cache", 24, pointer));
        }
        else
        {
            page.Add(("pp_magic", 8, word));
            btf.Structure("slab", 64, ("slab_cache", Has(18) ? 8u : 24u, pointer));
            List<(string, uint, uint)> folio = [("index", 32, word), ("_flags_1", 64, word)];
            if (Has(5))
            {
                folio.Add(("_entire_mapcount", 88, half));
            }

            btf.Structure("folio", 256, [.. folio]);
        }

        btf.Structure("page", PageBytes, [.. page]);
        btf.Enumeration("pageflags", Flags(number));
        if (Has(12))
        {
            btf.Enumeration("pagetype", ("PGTY_buddy", 0xf0), ("PGTY_offline", 0xf1), ("PGTY_table", 0xf2), ("PGTY_guard", 0xf3),
                ("PGTY_hugetlb", 0xf4), ("PGTY_slab", 0xf5), ("PGTY_zsmalloc", 0xf6), ("PGTY_mapcount_underflow", 0xff));
        }
        else if (Has(11))
        {
            btf.Enumeration("pagetype", ("PG_buddy", 0x40000000), ("PG_offline", 0x20000000), ("PG_table", 0x10000000),
                ("PG_guard", 0x08000000), ("PG_hugetlb", 0x04000000), ("PG_slab", 0x02000000), ("PG_zsmalloc", 0x01000000),
                ("PAGE_TYPE_BASE", 0x80000000));
        }

        uint tree = btf.Structure("xarray", 16, ("xa_head", 8, pointer));
        btf.Structure("address_space", 32, ("host", 0, pointer), ("i_pages", 8, tree));
        btf.Structure("xa_node", 64, ("slots", 40, pointer));
        uint text = btf.Structure("qstr", 16, ("len", 4, half), ("name", 8, pointer));
        uint link = btf.Structure("hlist_node", 16, ("next", 0, pointer));
        uint either = btf.Union("", 16, ("d_alias", 0, link));
        btf.Structure("dentry", 96, ("d_hash", 0, link), ("d_parent", 16, pointer), ("d_name", 24, text), ("d_inode", 40, pointer),
            ("d_u", 48, either), ("d_iname", 64, word));
        btf.Structure("file_system_type", 8, ("name", 0, pointer));
        btf.Structure("kmem_cache", 32, ("name", 0, pointer), ("object_size", 8, half), ("node", 16, btf.Array(pointer, 2)));
        btf.Enumeration("zone_type", ("ZONE_DMA", 0), ("ZONE_DMA32", 1), ("ZONE_NORMAL", 2), ("ZONE_MOVABLE", 3),
            ("ZONE_DEVICE", 4), ("__MAX_NR_ZONES", 5));
    }

    /// <summary>The struct page of a free block.</summary>
    public static uint BuddyType(string version) => version switch
    {
        "6.12" or "6.18" => 0xf0000000,
        "6.11" => ~0x40000000u,
        _ => ~0x80u,
    };

    private static (string, uint)[] Flags(Version version)
    {
        // From Linux 6.6 the first eight flags of a second struct page are the order.
        List<string> names = version >= new Version(6, 6)
            ? ["locked", "writeback", "referenced", "uptodate", "dirty", "lru", "head", "waiters", "active", "workingset", "owner_priv_1",
                "owner_2", "arch_1", "reserved", "private", "private_2", "reclaim", "swapbacked", "unevictable"]
            : ["locked", "referenced", "uptodate", "dirty", "lru", "active", "workingset", "waiters", "error", "slab", "owner_priv_1",
                "arch_1", "reserved", "private", "private_2", "writeback", "head", "mappedtodisk", "reclaim", "swapbacked", "unevictable"];
        if (version >= new Version(6, 6) && version < new Version(6, 10))
        {
            names.InsertRange(10, ["error", "slab"]);
        }

        List<(string, uint)> flags = [.. names.Select((name, bit) => ($"PG_{name}", (uint)bit)), ("__NR_PAGEFLAGS", (uint)names.Count),
            ("PG_swapcache", (uint)names.IndexOf("owner_priv_1"))];
        if (version == new Version(6, 7))
        {
            flags.Add(("PG_hugetlb", (uint)names.IndexOf("active")));
        }

        return [.. flags];
    }
}

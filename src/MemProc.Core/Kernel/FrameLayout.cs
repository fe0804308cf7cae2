using System.Numerics;
using MemProc.Interop;

namespace MemProc;

/// <summary>
/// Offsets in the structures that describe page frames and their owners, in bytes, and the kernel's numbers of page flags
/// and page types. What this kernel does not have is null.
/// </summary>
/// <param name="types">The kernel's type information.</param>
internal sealed class FrameLayout(BtfTypes types)
{
    /// <summary>The structures and enumerations that are looked up.</summary>
    public static readonly string[] TypeNames =
    [
        "page", "folio", "slab", "kmem_cache", "address_space", "xarray", "xa_node", "inode", "super_block", "dentry",
        "qstr", "file_system_type", "mem_cgroup", "obj_cgroup", "cgroup_subsys_state", "cgroup", "kernfs_node",
        "pageflags", "pagetype", "zone_type", "compound_dtor_id", "mem_section", "mem_section_usage",
        "migratetype", "pageblock_bits",
    ];

    /// <summary>Offsets in struct page.</summary>
    public StructPageOffsets Page { get; } = new(types);

    /// <summary>Numbers of page flags.</summary>
    public PageFlagNumbers Flags { get; } = new(types);

    /// <summary>Encoding of page types.</summary>
    public PageTypeEncoding Types { get; } = PageTypeEncoding.Of(types);

    /// <summary>Offsets in files, folders and their file systems.</summary>
    public FileOffsets Files { get; } = new(types);

    /// <summary>Offsets in memory cgroups.</summary>
    public CgroupOffsets Cgroups { get; } = new(types);

    /// <summary>kmem_cache.name.</summary>
    public int? SlabName { get; } = types.OffsetOf("kmem_cache", "name");

    /// <summary>kmem_cache.object_size: bytes of an object, without padding.</summary>
    public int? SlabObjectSize { get; } = types.OffsetOf("kmem_cache", "object_size");

    /// <summary>file.f_mapping: the address_space of an open file.</summary>
    public int FileMapping { get; } = KernelOffsets.Required(types, "file", "f_mapping");

    /// <summary>address_space.i_pages.xa_head: the root of the tree of a file's cached pages.</summary>
    public int MappingPages { get; } = KernelOffsets.Required(types, "address_space", "i_pages.xa_head");

    /// <summary>xa_node.slots.</summary>
    public int TreeSlots { get; } = KernelOffsets.Required(types, "xa_node", "slots");

    /// <summary>
    /// Bits of a NUMA node in page.flags (NODES_SHIFT): a kmem_cache has an array with an element for each possible node.
    /// </summary>
    public int? NodeBits { get; } = types.CountOf("kmem_cache", "node") is int count and > 0
        ? BitOperations.Log2((uint)count)
        : null;

    /// <summary>Names of the zones by their numbers: DMA, DMA32, Normal, Movable, Device.</summary>
    public IReadOnlyList<string> Zones { get; } = ZoneNames(types);

    /// <summary>mem_section.usage, with SPARSEMEM.</summary>
    public int? SectionUsage { get; } = types.OffsetOf("mem_section", "usage");

    /// <summary>mem_section_usage.pageblock_flags: migrate types of the blocks of a section.</summary>
    public int? BlockFlags { get; } = types.OffsetOf("mem_section_usage", "pageblock_flags");

    /// <summary>Bytes of a mem_section.</summary>
    public int? SectionBytes { get; } = types.SizeOf("mem_section");

    /// <summary>Bits of a block in that member.</summary>
    public int BlockBits { get; } = (int)BitOperations.RoundUpToPowerOf2(
        types.ValueOf("pageblock_bits", "__NR_PAGEBLOCK_BITS") ?? types.ValueOf("pageblock_bits", "NR_PAGEBLOCK_BITS") ?? 4);

    /// <summary>The bit of a block that is isolated, from Linux 6.16; before, that is a type.</summary>
    public uint? IsolateBit { get; } = types.ValueOf("pageblock_bits", "PB_migrate_isolate");

    /// <summary>The type of a block that is isolated.</summary>
    public byte IsolateType { get; } = (byte)(types.ValueOf("migratetype", "MIGRATE_ISOLATE") ?? byte.MaxValue);

    /// <summary>Names of migrate types by number, as <c>/proc/pagetypeinfo</c> spells them.</summary>
    public IReadOnlyList<string?> MigrateTypeNames { get; } = MigrateNames(types);

    private static string?[] MigrateNames(BtfTypes types)
    {
        const int MaxTypes = 8;
        string?[] names = new string?[MaxTypes];
        foreach (string name in (string[])["Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"])
        {
            if (types.ValueOf("migratetype", $"MIGRATE_{name.ToUpperInvariant()}") is uint number and < MaxTypes)
            {
                names[number] = name;
            }
        }

        return names;
    }

    private static string[] ZoneNames(BtfTypes types)
    {
        const string Prefix = "ZONE_";
        Dictionary<uint, string> names = [];
        foreach ((string name, uint number) in types.Constants("zone_type"))
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal))
            {
                string zone = name[Prefix.Length..];
                // /proc/zoneinfo spells them like this.
                names.TryAdd(number, zone.StartsWith("DMA", StringComparison.Ordinal) ? zone : zone[..1] + zone[1..].ToLowerInvariant());
            }
        }

        return [.. names.OrderBy(name => name.Key).Select(name => name.Value)];
    }
}

/// <summary>Offsets in struct page, and in the structures that share its bytes.</summary>
/// <param name="types">The kernel's type information.</param>
internal sealed class StructPageOffsets(BtfTypes types)
{
    /// <summary>The largest struct page that is read in batches of heads with the page after them.</summary>
    private const int MaxSizeBytes = KernelMemory.MaxBatchedBytes / 2;

    /// <summary>Bytes of a struct page.</summary>
    public int SizeBytes { get; } = types.SizeOf("page") is int size and > 0 and <= MaxSizeBytes
        ? size
        : throw new MemProcException(Operation.ReadBtf, Errno.EOPNOTSUPP,
            "This kernel's struct page has an unknown size: the version is not supported.");

    public int Flags { get; } = KernelOffsets.Required(types, "page", "flags");

    /// <summary>compound_head: of a tail page the address of the head, plus 1.</summary>
    public int CompoundHead { get; } = KernelOffsets.Required(types, "page", "compound_head");

    public int Mapping { get; } = KernelOffsets.Required(types, "page", "mapping");

    public int Index { get; } = types.OffsetOf("folio", "index") ?? KernelOffsets.Required(types, "page", "index");

    public int Private { get; } = KernelOffsets.Required(types, "page", "private");

    /// <summary>page_type, which shares its place with the map count.</summary>
    public int Type { get; } = KernelOffsets.Required(types, "page", "page_type");

    public int MapCount { get; } = KernelOffsets.Required(types, "page", "_mapcount");

    public int RefCount { get; } = KernelOffsets.Required(types, "page", "_refcount");

    /// <summary>lru: links in the list of a zone's free pages, among others.</summary>
    public int List { get; } = KernelOffsets.Required(types, "page", "lru");

    /// <summary>memcg_data, or before Linux 5.11 mem_cgroup; null without memory cgroups.</summary>
    public int? Cgroup { get; } = types.OffsetOf("page", "memcg_data") ?? types.OffsetOf("folio", "memcg_data")
        ?? types.OffsetOf("page", "mem_cgroup");

    /// <summary>Whether that member has flags in its lowest bits, from Linux 5.11.</summary>
    public bool HasCgroupFlags { get; } = types.OffsetOf("page", "mem_cgroup") is null;

    /// <summary>slab_cache of struct slab, or before Linux 5.17 of struct page.</summary>
    public int? SlabCache { get; } = types.OffsetOf("slab", "slab_cache") ?? types.OffsetOf("page", "slab_cache");

    /// <summary>pp_magic: marks pages of a network device's pool, from Linux 5.15.</summary>
    public int? PoolMagic { get; } = types.OffsetOf("page", "pp_magic");

    /// <summary>
    /// Offset of a folio's order from its head: a byte in the second struct page, which is the lowest byte of its flags from
    /// Linux 6.6.
    /// </summary>
    public int Order { get; } = types.OffsetOf("page", "compound_order") is int order
        ? order + (types.SizeOf("page") ?? 0)
        : types.OffsetOf("folio", "_folio_order") ?? KernelOffsets.Required(types, "folio", "_flags_1");

    /// <summary>Offset from a folio's head of the number of mappings of the folio as a whole, less 1.</summary>
    public int? EntireMapCount { get; } = types.OffsetOf("folio", "_entire_mapcount")
        ?? (types.OffsetOf("page", "compound_mapcount") is int count ? count + types.SizeOf("page") : null);

    /// <summary>
    /// Offset from a folio's head of the kind of its destructor, a byte that marks huge pages of hugetlb until Linux 6.5.
    /// </summary>
    public int? Destructor { get; } = types.OffsetOf("page", "compound_dtor") is int destructor
        ? destructor + types.SizeOf("page")
        : types.OffsetOf("folio", "_folio_dtor");

    /// <summary>HUGETLB_PAGE_DTOR.</summary>
    public uint? HugeTlbDestructor { get; } = types.ValueOf("compound_dtor_id", "HUGETLB_PAGE_DTOR");
}

/// <summary>Numbers and names of page flags (<c>enum pageflags</c>), which differ between kernels.</summary>
internal sealed class PageFlagNumbers
{
    private const string Prefix = "PG_";

    public PageFlagNumbers(BtfTypes types)
    {
        Dictionary<string, int> numbers = [];
        int count = 0;
        foreach ((string name, uint value) in types.Constants("pageflags"))
        {
            if (name == "__NR_PAGEFLAGS")
            {
                count = (int)value;
            }
            else if (name.StartsWith(Prefix, StringComparison.Ordinal) && value < 64)
            {
                numbers.TryAdd(name[Prefix.Length..], (int)value);
            }
        }

        // Of several names of one bit the first is its own; the others are uses of it.
        Names = [.. Enumerable.Range(0, count).Select(bit => numbers.FirstOrDefault(name => name.Value == bit).Key ?? $"bit{bit}")];
        Head = MaskOf("head");
        Slab = MaskOf("slab");
        Reserved = MaskOf("reserved");
        SwapBacked = MaskOf("swapbacked");
        SwapCache = MaskOf("swapcache");
        Lru = MaskOf("lru");
        HugeTlb = MaskOf("hugetlb");
        Poison = MaskOf("hwpoison");
        if (Head == 0 || Reserved == 0 || Lru == 0)
        {
            throw new MemProcException(Operation.ReadBtf, Errno.EOPNOTSUPP,
                "This kernel's type information does not have the numbers of page flags (enum pageflags): the version is not "
                + "supported.");
        }

        ulong MaskOf(string name) => numbers.TryGetValue(name, out int bit) ? 1UL << bit : 0;
    }

    /// <summary>Names by number, without PG_.</summary>
    public IReadOnlyList<string> Names { get; }

    public ulong Head { get; }

    /// <summary>PG_slab; 0 from Linux 6.10, where it is a page type.</summary>
    public ulong Slab { get; }

    public ulong Reserved { get; }

    public ulong SwapBacked { get; }

    /// <summary>PG_swapcache, which has that meaning together with PG_swapbacked only; 0 without swap.</summary>
    public ulong SwapCache { get; }

    public ulong Lru { get; }

    /// <summary>PG_hugetlb, a flag of a folio's second page from Linux 6.6 to 6.8; otherwise 0.</summary>
    public ulong HugeTlb { get; }

    /// <summary>PG_hwpoison: the memory has an error; 0 without CONFIG_MEMORY_FAILURE.</summary>
    public ulong Poison { get; }

    /// <summary>Returns the names of the flags that are set.</summary>
    public string[] Of(ulong flags)
    {
        List<string> names = [];
        for (int bit = 0; bit < Names.Count; bit++)
        {
            if ((flags >> bit & 1) != 0)
            {
                names.Add(Names[bit]);
            }
        }

        return [.. names];
    }
}

/// <summary>Offsets in files, folders and their file systems.</summary>
/// <param name="types">The kernel's type information.</param>
internal sealed class FileOffsets(BtfTypes types)
{
    public int MappingHost { get; } = KernelOffsets.Required(types, "address_space", "host");

    public int InodeNumber { get; } = KernelOffsets.Required(types, "inode", "i_ino");

    public int InodeGeneration { get; } = KernelOffsets.Required(types, "inode", "i_generation");

    public int InodeSuperBlock { get; } = KernelOffsets.Required(types, "inode", "i_sb");

    /// <summary>i_rdev: the number of a block or character device.</summary>
    public int InodeDevice { get; } = KernelOffsets.Required(types, "inode", "i_rdev");

    public int InodeMode { get; } = KernelOffsets.Required(types, "inode", "i_mode");

    /// <summary>i_dentry: the names of the file.</summary>
    public int InodeNames { get; } = KernelOffsets.Required(types, "inode", "i_dentry");

    /// <summary>Bytes from the beginning of an inode that contain all of these but the generation and the names.</summary>
    public int InodeHeadBytes => sizeof(ulong) + new[] { InodeNumber, InodeSuperBlock, InodeDevice, InodeMode }.Max();

    /// <summary>Bytes from the beginning of an inode that contain all of these.</summary>
    public int InodeUsedBytes => Math.Max(InodeHeadBytes, Math.Max(InodeGeneration, InodeNames) + sizeof(ulong));

    /// <summary>Bytes of a dentry.</summary>
    public int NameBytes { get; } = types.SizeOf("dentry") ?? 0;

    /// <summary>d_alias: the link of a name in that list; the member before Linux 6.16 is in a union with a name.</summary>
    public int NameLink { get; } = types.OffsetOf("dentry", "d_u.d_alias") ?? KernelOffsets.Required(types, "dentry", "d_alias");

    public int NameText { get; } = KernelOffsets.Required(types, "dentry", "d_name") + KernelOffsets.Required(types, "qstr", "name");

    public int NameLength { get; } = KernelOffsets.Required(types, "dentry", "d_name") + KernelOffsets.Required(types, "qstr", "len");

    public int NameParent { get; } = KernelOffsets.Required(types, "dentry", "d_parent");

    /// <summary>d_hash.pprev: 0 for the name of a deleted file.</summary>
    public int NameHash { get; } = KernelOffsets.Required(types, "dentry", "d_hash") + sizeof(ulong);

    public int SuperBlockDevice { get; } = KernelOffsets.Required(types, "super_block", "s_dev");

    public int SuperBlockType { get; } = KernelOffsets.Required(types, "super_block", "s_type");

    public int TypeName { get; } = KernelOffsets.Required(types, "file_system_type", "name");
}

/// <summary>Offsets in memory cgroups.</summary>
/// <param name="types">The kernel's type information.</param>
internal sealed class CgroupOffsets(BtfTypes types)
{
    /// <summary>obj_cgroup.memcg: the memory cgroup that kernel memory is charged to.</summary>
    public int? ObjectCgroup { get; } = types.OffsetOf("obj_cgroup", "memcg");

    public int? Cgroup { get; } = Sum(types.OffsetOf("mem_cgroup", "css"), types.OffsetOf("cgroup_subsys_state", "cgroup"));

    public int? Flags { get; } = Sum(types.OffsetOf("mem_cgroup", "css"), types.OffsetOf("cgroup_subsys_state", "flags"));

    public int? Parent { get; } = Sum(types.OffsetOf("mem_cgroup", "css"), types.OffsetOf("cgroup_subsys_state", "parent"));

    /// <summary>Offset of the member css in mem_cgroup.</summary>
    public int State { get; } = types.OffsetOf("mem_cgroup", "css") ?? 0;

    public int? Node { get; } = types.OffsetOf("cgroup", "kn");

    /// <summary>kernfs_node.id: the inode number.</summary>
    public int? NodeId { get; } = types.OffsetOf("kernfs_node", "id");

    private static int? Sum(int? first, int? second) => first + second;
}

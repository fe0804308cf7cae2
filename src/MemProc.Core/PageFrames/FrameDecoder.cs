using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MemProc;

/// <summary>Decodes struct pages of Linux 5.10 to 6.18. Pure: bytes in, states out.</summary>
/// <param name="layout">Offsets and numbers of the kernel.</param>
/// <param name="vmemmap">Where struct pages are.</param>
/// <param name="zones">Decodes nodes and zones.</param>
/// <param name="zeroPfn">The frame of the page of zeros; null: not known.</param>
internal sealed class FrameDecoder(FrameLayout layout, KernelVmemmap vmemmap, FrameZones zones, ulong? zeroPfn)
{
    /// <summary>The largest folio has 2^18 frames: a huge page of 1 GiB with pages of 4 KiB.</summary>
    public const int MaxFolioOrder = 18;

    /// <summary>The largest free block: with pages of 64 KiB its order is 13.</summary>
    public const int MaxBlockOrder = 14;

    /// <summary>Order of the smallest folio that can be the huge page of zeros: 2 MiB with pages of 4 KiB.</summary>
    private const int MinHugeOrder = 9;

    private const ulong IsTail = 1;
    private const ulong MappingAnonymous = 1;
    private const ulong MappingKsm = 3;
    private const ulong MappingMarks = 3;

    /// <summary>pp_magic of pages of a pool: PP_SIGNATURE, without the bits that hold other things.</summary>
    private const ulong PoolMagic = 0xdead_0000_0000_0040;
    private const ulong PoolMagicMask = ~0x7f_ffff_ff83UL;

    private readonly StructPageOffsets _page = layout.Page;
    private readonly PageFlagNumbers _flags = layout.Flags;
    private readonly int _size = layout.Page.SizeBytes;

    /// <summary>Bytes of a struct page.</summary>
    public int SizeBytes => _size;

    /// <summary>Where struct pages are.</summary>
    public KernelVmemmap Vmemmap => vmemmap;

    /// <summary>Decodes nodes and zones.</summary>
    public FrameZones Zones => zones;

    /// <summary>Returns the head of the folio that a frame is a tail of.</summary>
    /// <param name="pfn">The frame.</param>
    /// <param name="own">Its struct page.</param>
    /// <param name="next">The struct page after it; empty where it is not known.</param>
    /// <param name="headPfn">The head.</param>
    /// <returns>False if the frame is not a tail.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsTailOf(ulong pfn, ReadOnlySpan<byte> own, ReadOnlySpan<byte> next, out ulong headPfn)
    {
        headPfn = pfn;
        ulong word = Word(own, _page.CompoundHead);
        if ((word & IsTail) == 0)
        {
            // The struct pages of a huge page of hugetlb may be one page that is mapped repeatedly
            // (hugetlb_optimize_vmemmap). Each repetition begins with what looks like the head.
            ulong address = vmemmap.AddressOf(pfn);
            if (next.IsEmpty || (address & (MachinePage.SizeBytes - 1)) != 0 || (Word(own, _page.Flags) & _flags.Head) == 0)
            {
                return false;
            }

            word = Word(next, _page.CompoundHead);
            if ((word & IsTail) == 0 || word - IsTail == address)
            {
                return false;
            }
        }

        ulong offset = word - IsTail - vmemmap.Base;
        ulong head = offset / (uint)_size;
        if (offset % (uint)_size != 0 || head >= pfn || pfn - head >= 1UL << MaxFolioOrder)
        {
            return false;
        }

        headPfn = head;
        return true;
    }

    /// <summary>Decodes the struct page of a frame that is not a tail.</summary>
    /// <param name="pfn">The frame.</param>
    /// <param name="own">Its struct page.</param>
    /// <param name="next">The struct page after it, which belongs to the folio if there is one; empty where not known.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public FrameState Decode(ulong pfn, ReadOnlySpan<byte> own, ReadOnlySpan<byte> next)
    {
        ulong flags = Word(own, _page.Flags);
        if (flags == ulong.MaxValue)
        {
            // Never initialized: the frame does not exist.
            return new FrameState { Kind = PageFrameKind.Unknown, Order = FrameState.UnknownOrder };
        }

        int references = (int)Half(own, _page.RefCount);
        PageType type = layout.Types.Decode(Half(own, _page.Type));
        bool isFolio = (flags & _flags.Head) != 0;
        sbyte order = isFolio ? OrderOf(next) : (sbyte)0;
        ulong mapping = Word(own, _page.Mapping);
        FrameState state = new()
        {
            Flags = flags,
            RefCount = references,
            Order = order,
            Cgroup = _page.Cgroup is int cgroup ? Word(own, cgroup) : 0,
            EntireMapCount = isFolio && _page.EntireMapCount is int entire && next.Length == _size
                && type is PageType.None or PageType.HugeTlb && (flags & _flags.Slab) == 0
                ? Math.Max((int)Half(next, entire - _size) + 1, 0)
                : 0,
        };
        if (zones.Decode(flags) is (_, int zone) && zone == zones.DeviceZone)
        {
            return state with { Kind = PageFrameKind.Device };
        }

        if (type == PageType.Buddy)
        {
            ulong block = Word(own, _page.Private);
            return new FrameState
            {
                Kind = PageFrameKind.Free,
                Flags = flags,
                Order = block < MaxBlockOrder ? (sbyte)block : FrameState.UnknownOrder,
            };
        }

        if (type == PageType.Slab || (flags & _flags.Slab) != 0)
        {
            return state with { Kind = PageFrameKind.Slab, Owner = _page.SlabCache is int cache ? Word(own, cache) : 0 };
        }

        if (type == PageType.HugeTlb || IsHugeTlb(isFolio, next))
        {
            return state with
            {
                Kind = PageFrameKind.HugeTlb,
                Owner = mapping,
                Index = Word(own, _page.Index),
            };
        }

        if (type != PageType.None)
        {
            return state with { Kind = KindOf(type) };
        }

        if ((flags & _flags.Reserved) != 0)
        {
            return state with { Kind = pfn == zeroPfn ? PageFrameKind.Zero : PageFrameKind.Reserved };
        }

        return Owned(state, own, mapping);
    }

    private static PageFrameKind KindOf(PageType type) => type switch
    {
        PageType.Offline => PageFrameKind.Offline,
        PageType.Table => PageFrameKind.PageTable,
        PageType.Guard => PageFrameKind.Guard,
        PageType.Zsmalloc => PageFrameKind.Zsmalloc,
        PageType.Unaccepted => PageFrameKind.Unaccepted,
        PageType.LargeKmalloc => PageFrameKind.LargeKmalloc,
        _ => PageFrameKind.Unknown,
    };

    /// <summary>Decodes a frame without a type by its mapping.</summary>
    private FrameState Owned(in FrameState state, ReadOnlySpan<byte> own, ulong mapping)
    {
        ulong flags = state.Flags;
        bool isSwapBacked = (flags & _flags.SwapBacked) != 0;
        if (_page.PoolMagic is int magic && (Word(own, magic) & PoolMagicMask) == PoolMagic)
        {
            return state with { Kind = PageFrameKind.NetworkPool };
        }

        ulong index = Word(own, _page.Index);
        switch (mapping & MappingMarks)
        {
            case MappingAnonymous:
                return state with { Kind = PageFrameKind.Anonymous, Owner = mapping & ~MappingMarks, Index = index };
            case MappingKsm:
                return state with { Kind = PageFrameKind.Ksm, Owner = mapping & ~MappingMarks, Index = index };
            case 0 when IsKernelAddress(mapping) && state.RefCount > 0:
                return state with
                {
                    Kind = isSwapBacked ? PageFrameKind.SharedMemory : PageFrameKind.File,
                    Owner = mapping,
                    Index = index,
                };
            default:
                break;
        }

        if (isSwapBacked && (flags & _flags.SwapCache) != 0 && mapping == 0)
        {
            return state with { Kind = PageFrameKind.SwapCache };
        }

        if ((flags & _flags.Lru) != 0)
        {
            return state with { Kind = PageFrameKind.Detached };
        }

        return state with
        {
            Kind = PageFrameKind.Kernel,
            IsUnreferenced = state.RefCount == 0,
            NextInList = state.RefCount == 0 ? Word(own, _page.List) : 0,
            MayBeZero = state.Order >= MinHugeOrder,
        };
    }

    private static bool IsKernelAddress(ulong address) => (long)address < 0;

    private sbyte OrderOf(ReadOnlySpan<byte> next)
    {
        int at = _page.Order - _size;
        int order = next.Length == _size ? next[at] : FrameState.UnknownOrder;
        return order is > 0 and <= MaxFolioOrder ? (sbyte)order : FrameState.UnknownOrder;
    }

    private bool IsHugeTlb(bool isFolio, ReadOnlySpan<byte> next)
    {
        if (!isFolio || next.Length != _size)
        {
            return false;
        }

        return _flags.HugeTlb != 0 ? (Word(next, _page.Flags) & _flags.HugeTlb) != 0
            : _page.Destructor is int destructor && next[destructor - _size] == _page.HugeTlbDestructor;
    }

    /// <summary>Returns whether a struct page is that of the head of a folio of several frames.</summary>
    public bool IsFolio(ReadOnlySpan<byte> own) => (Word(own, _page.Flags) & _flags.Head) != 0;

    /// <summary>Returns the kernel's address of the list entry of a frame.</summary>
    public ulong ListAddressOf(ulong pfn) => vmemmap.AddressOf(pfn) + (ulong)_page.List;

    /// <summary>Returns how often a frame itself is mapped, without mappings of its folio as a whole.</summary>
    public int OwnMapCount(ReadOnlySpan<byte> own)
    {
        uint count = Half(own, _page.MapCount);
        return layout.Types.Decode(count) == PageType.None && (int)count >= -1 ? (int)count + 1 : 0;
    }

    private static ulong Word(ReadOnlySpan<byte> bytes, int offset) => MemoryMarshal.Read<ulong>(bytes[offset..]);

    private static uint Half(ReadOnlySpan<byte> bytes, int offset) => MemoryMarshal.Read<uint>(bytes[offset..]);
}

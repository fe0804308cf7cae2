using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Decodes struct pages as kernels from 5.10 to 6.18 write them.</summary>
public sealed class FrameDecoderTests : IDisposable
{
    private const ulong Base = SimulatedKernel.Base + 0xA000;
    private const ulong Kernel = 0xffff_8881_0000_1000;
    private const ulong PoolMagic = 0xdead_0000_0000_0040;

    private readonly SimulatedProcess _process = new();

    public static TheoryData<string> Versions => [.. FrameBtf.Versions];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Memory_of_processes_and_files_is_told_by_its_mapping(string version)
    {
        Pages pages = new(version);
        Assert.Equal((PageFrameKind.Anonymous, Kernel, 7UL), Used(pages.Decode(4, mapping: Kernel + 1, index: 7, flags: "lru,swapbacked")));
        Assert.Equal((PageFrameKind.Ksm, Kernel, 7UL), Used(pages.Decode(4, mapping: Kernel + 3, index: 7, flags: "lru,swapbacked")));
        Assert.Equal((PageFrameKind.File, Kernel, 9UL), Used(pages.Decode(4, mapping: Kernel, index: 9, flags: "lru")));
        Assert.Equal((PageFrameKind.SharedMemory, Kernel, 9UL), Used(pages.Decode(4, mapping: Kernel, index: 9, flags: "lru,swapbacked")));
        Assert.Equal(PageFrameKind.SwapCache, pages.Decode(4, flags: "lru,swapbacked,owner_priv_1").Kind);
        // The same bit has another meaning for a page of a file.
        Assert.Equal(PageFrameKind.File, pages.Decode(4, mapping: Kernel, flags: "lru,owner_priv_1").Kind);
        Assert.Equal(PageFrameKind.Detached, pages.Decode(4, flags: "lru").Kind);
        Assert.Equal(PageFrameKind.Reserved, pages.Decode(4, flags: "reserved").Kind);
        Assert.Equal(PageFrameKind.Zero, pages.Decode(Pages.ZeroPfn, flags: "reserved").Kind);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Free_blocks_slabs_and_page_tables_are_told_by_their_type(string version)
    {
        Pages pages = new(version);
        FrameState free = pages.Decode(8, type: FrameBtf.BuddyType(version), privateWord: 3, references: 0);
        Assert.Equal((PageFrameKind.Free, (sbyte)3), (free.Kind, free.Order));
        Assert.Equal((PageFrameKind.Slab, Kernel), (pages.Slab(4, Kernel).Kind, pages.Slab(4, Kernel).Owner));
        uint table = version switch { "5.10" => ~0x400u, "6.11" => ~0x10000000u, "6.12" or "6.18" => 0xf2000000, _ => ~0x200u };
        Assert.Equal(PageFrameKind.PageTable, pages.Decode(4, type: table).Kind);
        uint offline = version switch { "6.11" => ~0x20000000u, "6.12" or "6.18" => 0xf1000000, _ => ~0x100u };
        Assert.Equal(PageFrameKind.Offline, pages.Decode(4, type: offline).Kind);
        // A map count is not a type.
        foreach (int count in new[] { -1, 0, 1, 5000 })
        {
            Assert.Equal(PageFrameKind.Kernel, pages.Decode(4, type: (uint)count).Kind);
            Assert.Equal(count + 1, pages.Decoder.OwnMapCount(pages.Bytes(type: (uint)count)));
        }

        Assert.Equal(0, pages.Decoder.OwnMapCount(pages.Bytes(type: FrameBtf.BuddyType(version))));
        // Charged to a memory cgroup, until Linux 5.10.
        Assert.Equal(PageFrameKind.Kernel, pages.Decode(4, type: version == "5.10" ? ~0x200u : uint.MaxValue).Kind);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Huge_pages_have_an_order_and_a_mark_of_hugetlb(string version)
    {
        Pages pages = new(version);
        FrameState huge = pages.Huge(512, order: 9, isHugeTlb: false);
        Assert.Equal((PageFrameKind.Anonymous, (sbyte)9, 2), (huge.Kind, huge.Order, huge.EntireMapCount));
        FrameState tlb = pages.Huge(512, order: 9, isHugeTlb: true);
        Assert.Equal((PageFrameKind.HugeTlb, (sbyte)9), (tlb.Kind, tlb.Order));
        Assert.True(pages.Decoder.IsTailOf(512 + 40, pages.Tail(512), default, out ulong head));
        Assert.Equal(512UL, head);
        // What cannot be a head is none.
        Assert.False(pages.Decoder.IsTailOf(512, pages.Tail(600), default, out _));
        Assert.False(pages.Decoder.IsTailOf(1UL << 30, pages.Tail(0), default, out _));
        // The repeated first struct page of a huge page whose struct pages are one page.
        byte[] fake = pages.Bytes(flags: "head");
        Assert.True(pages.Decoder.IsTailOf(576, fake, pages.Tail(512), out head));
        Assert.Equal(512UL, head);
        Assert.False(pages.Decoder.IsTailOf(512, fake, pages.Tail(512), out _));
    }

    [Fact]
    public void A_pool_of_a_network_device_is_recognized_by_its_magic()
    {
        Pages pages = new("6.18");
        byte[] own = pages.Bytes();
        BitConverter.TryWriteBytes(own.AsSpan(8), PoolMagic | 0x2a << 7 | 1 << 1);
        Assert.Equal(PageFrameKind.NetworkPool, pages.Decoder.Decode(4, own, default).Kind);
        // A poisoned list link is another number.
        BitConverter.TryWriteBytes(own.AsSpan(8), 0xdead_0000_0000_0122);
        Assert.Equal(PageFrameKind.Kernel, pages.Decoder.Decode(4, own, default).Kind);
    }

    [Fact]
    public void A_struct_page_that_was_never_initialized_is_unknown()
    {
        Pages pages = new("6.18");
        byte[] own = new byte[FrameBtf.PageBytes];
        own.AsSpan().Fill(0xff);
        Assert.Equal(PageFrameKind.Unknown, pages.Decoder.Decode(4, own, default).Kind);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Frames_are_read_from_recorded_memory_directly_and_as_kcore(bool isKcore)
    {
        Pages pages = new("6.18");
        using SimulatedKernel kernel = new(_process, hasTree: false);
        BtfBlob btf = new();
        SimulatedKernel.Describe(btf, hasTree: false);
        FrameBtf.Describe(btf, "6.18");
        SimulatedProcess.WriteKernelFile($"{_process.Files.Sys}/kernel/btf/vmlinux", btf.ToBytes());
        // Frames 0 to 7: a free block of order 3. 8: anonymous. 9: in the list of a processor. 10: in the middle of a larger
        // block of the kernel. 16 to 19: a folio of a file. The rest: of the kernel. After frame 383 there is no memory, in the
        // middle of what other kernels have as one part: kcore has RAM alone.
        const ulong Frames = 384;
        for (ulong pfn = 0; pfn < Frames; pfn++)
        {
            kernel.Put(Base + pfn * FrameBtf.PageBytes, pages.Bytes());
        }

        kernel.Put(Base, pages.Bytes(type: 0xf0000000, privateWord: 3, references: 0));
        for (ulong pfn = 1; pfn < 8; pfn++)
        {
            kernel.Put(Base + pfn * FrameBtf.PageBytes, pages.Bytes(references: 0));
        }

        kernel.Put(Base + 8 * FrameBtf.PageBytes, pages.Bytes(mapping: Kernel + 1, index: 5, flags: "lru"));
        ulong list = SimulatedKernel.Base + 0x6000, free = Base + 9 * FrameBtf.PageBytes;
        kernel.Put(free, pages.Bytes(references: 0));
        kernel.Put(free + 8, list);
        kernel.Put(list + 8, free + 8);
        kernel.Put(Base + 10 * FrameBtf.PageBytes, pages.Bytes(references: 0));
        kernel.Put(Base + 10 * FrameBtf.PageBytes + 8, list);
        ulong mapping = PutFile(kernel);
        kernel.Put(Base + 16 * FrameBtf.PageBytes, pages.Bytes(mapping: mapping, index: 64, flags: "lru,head"));
        for (ulong pfn = 17; pfn < 20; pfn++)
        {
            kernel.Put(Base + pfn * FrameBtf.PageBytes, pages.Tail(16));
        }

        kernel.Put(Base + 17 * FrameBtf.PageBytes, 2);
        SimulatedProcess.WriteKernelFile($"{_process.Files.Proc}/iomem", "00000000-0017ffff : System RAM\n"u8);
        KernelMemory memory = kernel;
        if (isKcore)
        {
            string path = Path.Combine(_process.Files.Proc, "kcore");
            kernel.WriteKcore(path);
            Assert.Equal(Errno.None, KcoreMemory.TryOpen(path, out KcoreMemory? kcore));
            memory = kcore!;
        }

        using KernelReader reader = new(memory, _process.Files, new KernelPageTables(0, PageTableFormat.Native(4, 0)),
            new KernelVmemmap(Base, FrameBtf.PageBytes));
        using FrameMap map = FrameMap.Create(reader, pages.Decoder);
        FrameRun[] runs = [.. map.Chunks(new PfnRange(0, 1000), default).SelectMany(chunk => chunk.Runs.ToArray())];
        Assert.Equal(
            [(0UL, 8, PageFrameKind.Free), (8, 1, PageFrameKind.Anonymous), (9, 1, PageFrameKind.Free), (10, 1, PageFrameKind.Kernel)],
            runs.Take(4).Select(run => (run.Pfn, run.Count, run.State.Kind)));
        Assert.Equal(Frames, runs.Aggregate(0UL, (sum, run) => sum + (ulong)run.Count));
        Assert.Empty(map.Chunks(new PfnRange(512, 40_000), default));
        FrameRun file = runs.Single(run => run.Pfn == 16);
        Assert.Equal((4, PageFrameKind.File, (sbyte)2), (file.Count, file.State.Kind, file.State.Order));
        FrameOwners owners = new(reader);
        owners.Refresh([file.State, runs[1].State]);
        FrameFile found = owners.FileOf(file.State)!;
        Assert.Equal(found, new FrameOwners(reader).FileOf(file.State));
        Assert.Equal(("/folder/a name that is longer than the structure has room for", 42UL, "ext4", "08:01", false),
            (found.Path, found.Inode, found.FileSystem, found.Device, found.IsDeleted));
        // What is inside: a frame in the middle of a free block, of a folio, and one after the end.
        FrameSample[] samples = new FrameSample[4];
        new FrameSampler(map).Read([5, 18, 100, 600], samples);
        Assert.Equal([(0UL, PageFrameKind.Free), (16UL, PageFrameKind.File), (100UL, PageFrameKind.Kernel)],
            samples.Take(3).Select(sample => (sample.HeadPfn, sample.State.Kind)));
        Assert.False(samples[3].Exists);
    }

    [Fact]
    public void Names_that_form_a_loop_or_change_are_no_path()
    {
        Pages pages = new("6.18");
        using SimulatedKernel kernel = new(_process, hasTree: false);
        BtfBlob btf = new();
        SimulatedKernel.Describe(btf, hasTree: false);
        FrameBtf.Describe(btf, "6.18");
        SimulatedProcess.WriteKernelFile($"{_process.Files.Sys}/kernel/btf/vmlinux", btf.ToBytes());
        ulong mapping = PutFile(kernel);
        using KernelReader reader = new(kernel, _process.Files, new KernelPageTables(0, PageTableFormat.Native(4, 0)),
            new KernelVmemmap(Base, FrameBtf.PageBytes));
        FrameState state = new() { Kind = PageFrameKind.File, Owner = mapping };
        Assert.NotNull(new FrameOwners(reader).FileOf(state)!.Path);
        // The folder's parent is the file: without end.
        kernel.Put(Folder + 16, Name);
        Assert.Null(new FrameOwners(reader).FileOf(state)!.Path);
        // The name belongs to another inode by now.
        kernel.Put(Folder + 16, RootName);
        kernel.Put(Name + 40, RootName);
        Assert.Null(new FrameOwners(reader).FileOf(state)!.Path);
        // No inode.
        kernel.Put(mapping, 0);
        Assert.Null(new FrameOwners(reader).FileOf(state));
    }

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private const ulong Inode = SimulatedKernel.Base + 0x7000;
    private const ulong SuperBlock = SimulatedKernel.Base + 0x6200;
    private const ulong Name = SimulatedKernel.Base + 0x6300;
    private const ulong Folder = SimulatedKernel.Base + 0x6400;
    private const ulong RootName = SimulatedKernel.Base + 0x6500;
    private const ulong Texts = SimulatedKernel.Base + 0x6600;

    /// <summary>Writes a file with its names; returns its address_space.</summary>
    private static ulong PutFile(SimulatedKernel kernel)
    {
        const ulong Mapping = SimulatedKernel.Base + 0x6080, Type = SimulatedKernel.Base + 0x6280;
        kernel.Put(Mapping, Inode);
        kernel.Put(Inode, 42);
        kernel.Put(Inode + 8, SuperBlock);
        kernel.Put(Inode + 24, 0x81a4);
        kernel.Put(Inode + 32, Name + 48);
        kernel.Put(SuperBlock, 8 << 20 | 1);
        kernel.Put(SuperBlock + 8, Type);
        kernel.Put(Type, Texts + 0x80);
        kernel.Put(Texts + 0x80, "ext4\0"u8.ToArray());
        foreach ((ulong name, ulong parent, ulong inode, string text, ulong at) in new[]
        {
            (Name, Folder, Inode, "a name that is longer than the structure has room for", Texts),
            (Folder, RootName, 0UL, "folder", Folder + 64), (RootName, RootName, 0UL, "/", RootName + 64),
        })
        {
            kernel.Put(name + 8, 1);
            kernel.Put(name + 16, parent);
            kernel.Put(name + 24, (ulong)text.Length << 32);
            kernel.Put(name + 32, at);
            kernel.Put(name + 40, inode);
            kernel.Put(at, System.Text.Encoding.ASCII.GetBytes(text));
        }

        return Mapping;
    }

    private static (PageFrameKind, ulong, ulong) Used(FrameState state) => (state.Kind, state.Owner, state.Index);

    /// <summary>Writes struct pages of one version and decodes them.</summary>
    private sealed class Pages
    {
        public const ulong ZeroPfn = 77;

        private readonly FrameLayout _layout;
        private readonly string _version;

        public Pages(string version)
        {
            _version = version;
            _layout = FrameBtf.Layout(version);
            Decoder = new FrameDecoder(_layout, new KernelVmemmap(Base, FrameBtf.PageBytes),
                FrameZones.Create(_layout, new KernelFiles("/nowhere"), 0, 0), ZeroPfn);
        }

        public FrameDecoder Decoder { get; }

        public byte[] Bytes(
            string flags = "", ulong mapping = 0, ulong index = 0, uint type = uint.MaxValue, ulong privateWord = 0, int references = 1)
        {
            byte[] bytes = new byte[FrameBtf.PageBytes];
            ulong bits = flags.Split(',', StringSplitOptions.RemoveEmptyEntries)
                .Aggregate(0UL, (sum, name) => sum | 1UL << _layout.Flags.Names.ToList().IndexOf(name));
            BitConverter.TryWriteBytes(bytes, bits);
            BitConverter.TryWriteBytes(bytes.AsSpan(24), mapping);
            BitConverter.TryWriteBytes(bytes.AsSpan(32), index);
            BitConverter.TryWriteBytes(bytes.AsSpan(40), privateWord);
            BitConverter.TryWriteBytes(bytes.AsSpan(48), type);
            BitConverter.TryWriteBytes(bytes.AsSpan(52), references);
            return bytes;
        }

        public FrameState Decode(
            ulong pfn, string flags = "", ulong mapping = 0, ulong index = 0, uint type = uint.MaxValue, ulong privateWord = 0,
            int references = 1) => Decoder.Decode(pfn, Bytes(flags, mapping, index, type, privateWord, references), default);

        public byte[] Tail(ulong head)
        {
            byte[] bytes = Bytes(references: 0);
            BitConverter.TryWriteBytes(bytes.AsSpan(8), Base + head * FrameBtf.PageBytes + 1);
            return bytes;
        }

        public FrameState Slab(ulong pfn, ulong cache)
        {
            bool isType = _version is "6.11" or "6.12" or "6.18";
            byte[] own = Bytes(flags: isType ? "" : "slab",
                type: _version == "6.11" ? ~0x02000000u : isType ? 0xf5000000 : uint.MaxValue);
            BitConverter.TryWriteBytes(own.AsSpan(_version == "6.18" ? 8 : 24), cache);
            return Decoder.Decode(pfn, own, default);
        }

        public FrameState Huge(ulong pfn, byte order, bool isHugeTlb)
        {
            uint type = !isHugeTlb ? uint.MaxValue : _version switch
            {
                "6.9" => ~0x800u,
                "6.11" => ~0x04000000u,
                "6.12" or "6.18" => 0xf4000000,
                _ => uint.MaxValue,
            };
            byte[] own = Bytes(flags: "head,lru,swapbacked", mapping: Kernel + 1, type: type), next = Tail(pfn);
            if (_version is "5.10" or "6.1")
            {
                next[16] = isHugeTlb ? (byte)2 : (byte)1;
                next[17] = order;
                BitConverter.TryWriteBytes(next.AsSpan(20), 1);
            }
            else
            {
                ulong mark = isHugeTlb && _version == "6.7" ? 1UL << _layout.Flags.Names.ToList().IndexOf("active") : 0;
                BitConverter.TryWriteBytes(next, order | mark);
                BitConverter.TryWriteBytes(next.AsSpan(24), 1);
            }

            return Decoder.Decode(pfn, own, next);
        }
    }
}

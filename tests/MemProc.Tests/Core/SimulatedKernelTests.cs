using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests other kernels than that of this machine: /proc/kcore, lists of mappings, changing tables.</summary>
public sealed class SimulatedKernelTests : IDisposable
{
    private const ulong First = SimulatedKernel.Base + 0x6000;
    private const ulong Second = SimulatedKernel.Base + 0x6100;
    private const ulong Present = 1UL << 63;
    private const ulong Swapped = 1UL << 62;
    private const ulong Address = 0x7f13_3f16_3000;

    private readonly SimulatedProcess _process = new();

    private string Kcore => Path.Combine(_process.Files.Proc, "kcore");

    [Fact]
    public void Kcore_provides_the_memory_map_and_a_list_of_mappings()
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        kernel.Put(SimulatedKernel.Memory + 0x10, First);
        kernel.PutVma(First, 0x1000, 0x3000, 0x71, next: Second);
        kernel.PutVma(Second, 0x3000, 0x4000, 0x100073);
        kernel.SetMapCount(2);
        kernel.Put(SimulatedKernel.Memory + 0x20, 0x401000);
        kernel.WriteKcore(Kcore);
        using LinuxProcess process = _process.Open();
        using KernelMemoryMapReader maps = new(KernelReadSource.Kcore, _process.Files);
        KernelMemoryMap map = maps.Read(process);
        Assert.Equal(KernelReadSource.Kcore, maps.Source);
        Assert.Equal((SimulatedKernel.Memory, SimulatedKernel.Root, 2U, (ulong?)SimulatedKernel.Task),
            (map.MmAddress, map.PageTableAddress, map.MapCount, map.TaskAddress));
        // A member that this kernel does not have is unknown, not 0.
        Assert.Equal((0x401000UL, 0UL, (ulong?)null), (map.StartCode, map.Brk, map.StartStack));
        using KernelVmaReader vmas = new(KernelReadSource.Kcore, _process.Files);
        Assert.Equal([(First, 0x1000, 0x3000, "r--p"), (Second, 0x3000UL, 0x4000UL, "rw-p")],
            vmas.Read(process).Select(vma => (vma.KernelAddress, vma.Start, vma.End, vma.Permissions)));
    }

    [Fact]
    public void Kcore_provides_a_tree_of_mappings()
    {
        using SimulatedKernel kernel = new(_process, hasTree: true);
        ulong leaf = SimulatedKernel.Base + 0x7000;
        kernel.Put(SimulatedKernel.Memory + 0x18, leaf | 1 << 3 | 4 | 2);
        kernel.Put(leaf, SimulatedKernel.Memory);
        kernel.Put(leaf + 8, 0xfff);
        kernel.Put(leaf + 16, 0x2fff);
        kernel.Put(leaf + 24, ulong.MaxValue);
        kernel.Put(leaf + 136, First);
        kernel.PutVma(First, 0x1000, 0x3000, 0x75);
        kernel.SetMapCount(1);
        kernel.WriteKcore(Kcore);
        using LinuxProcess process = _process.Open();
        using KernelVmaReader reader = new(KernelReadSource.Kcore, _process.Files);
        KernelVma vma = Assert.Single(reader.Read(process));
        Assert.Equal((0x1000UL, 0x3000UL, "r-xp"), (vma.Start, vma.End, vma.Permissions));

        // The structure has grown and the tree is not updated yet: inconsistent at each retry.
        kernel.PutVma(First, 0x1000, 0x4000, 0x75);
        kernel.WriteKcore(Kcore);
        Assert.Equal("ReadVmas,EAGAIN", Assert.Throws<MemProcException>(() => reader.Read(process)).ErrorId);
    }

    [Fact]
    public void A_mapping_count_that_differs_from_the_list_is_an_error()
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        kernel.Put(SimulatedKernel.Memory + 0x10, First);
        kernel.PutVma(First, 0x1000, 0x3000, 0x71);
        kernel.SetMapCount(2);
        kernel.WriteKcore(Kcore);
        using LinuxProcess process = _process.Open();
        using KernelVmaReader reader = new(KernelReadSource.Kcore, _process.Files);
        Assert.Equal("ReadVmas,EAGAIN", Assert.Throws<MemProcException>(() => reader.Read(process)).ErrorId);
        // The memory has no users any more: the structures are stale.
        kernel.SetMapCount(1, users: 0);
        kernel.WriteKcore(Kcore);
        Assert.Equal("ReadVmas,ESRCH", Assert.Throws<MemProcException>(() => reader.Read(process)).ErrorId);
    }

    [Theory]
    [InlineData(4, 0xf7ff_f000UL)]
    [InlineData(8, 0x7fff_f7ff_f000UL)]
    public void The_layout_of_mappings_is_that_of_the_program(int wordBytes, ulong expected)
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        kernel.Put(SimulatedKernel.Memory + 0x38, 0x7fff_f7ff_f000);
        kernel.Put(SimulatedKernel.Memory + 0x40, 0xf7ff_f000);
        kernel.WriteKcore(Kcore);
        // AT_SYSINFO, AT_PAGESZ, AT_NULL.
        ulong[] auxiliary = [32, 0xf7f0_0000, 6, 4096, 0, 0];
        _process.WriteBytes("auxv", [.. auxiliary.SelectMany(word => BitConverter.GetBytes(word)[..wordBytes])]);
        using LinuxProcess process = _process.Open();
        using KernelMemoryMapReader reader = new(KernelReadSource.Kcore, _process.Files);
        Assert.Equal(expected, reader.Read(process).MmapBase);
    }

    [Fact]
    public void Two_mappings_that_change_together_are_never_reported_in_two_states()
    {
        const ulong Writable = 0x73, ReadOnly = 0x71;
        using SimulatedKernel kernel = TwoMappings(Writable);
        int reads = 0;
        // The kernel does not count changes: mprotect(2) changes both between the reads of the first and the second.
        using ChangingMemory memory = new(kernel, address =>
        {
            if (address == Second && ++reads == 1)
            {
                PutBoth(kernel, ReadOnly);
            }
        });
        using LinuxProcess process = _process.Open();
        using KernelVmaReader reader = new(Reader(memory));
        Assert.Equal(["r--p", "r--p"], reader.Read(process).Select(vma => vma.Permissions));
        Assert.True(reads > 1);
    }

    [Fact]
    public void Mappings_that_change_during_every_read_are_an_error()
    {
        using SimulatedKernel kernel = TwoMappings(0x73);
        ulong reads = 0;
        using ChangingMemory memory = new(kernel, address =>
        {
            if (address == Second)
            {
                PutBoth(kernel, 0x71 + 2 * (++reads % 2));
            }
        });
        using LinuxProcess process = _process.Open();
        using KernelVmaReader reader = new(Reader(memory));
        Assert.Equal("ReadVmas,EAGAIN", Assert.Throws<MemProcException>(() => reader.Read(process)).ErrorId);
    }

    [Fact]
    public void Mappings_are_not_read_while_a_thread_holds_their_lock()
    {
        using SimulatedKernel kernel = TwoMappings(0x73);
        kernel.Put(SimulatedKernel.Memory + 0x30, 1);
        int reads = 0;
        using ChangingMemory memory = new(kernel, address =>
        {
            // The lock is released after some attempts.
            if (address == SimulatedKernel.Memory + 0x30 && ++reads == 5)
            {
                PutBoth(kernel, 0x71);
                kernel.Put(SimulatedKernel.Memory + 0x30, 0);
            }
        });
        using LinuxProcess process = _process.Open();
        using KernelVmaReader reader = new(Reader(memory));
        Assert.Equal(["r--p", "r--p"], reader.Read(process).Select(vma => vma.Permissions));
    }

    [Fact]
    public void A_read_of_the_mappings_can_be_canceled_half_way()
    {
        const int Reads = 100;
        using SimulatedKernel kernel = new(_process, hasTree: false);
        // Each mapping is followed by the other one: the list has no end.
        kernel.Put(SimulatedKernel.Memory + 0x10, First);
        kernel.PutVma(First, 0x1000, 0x3000, 0x71, next: Second);
        kernel.PutVma(Second, 0x3000, 0x4000, 0x100073, next: First);
        using CancellationTokenSource stop = new();
        int reads = 0;
        kernel.Reading = () =>
        {
            if (++reads == Reads)
            {
                stop.Cancel();
            }
        };
        using KernelReader reader = new(kernel, _process.Files, new KernelPageTables(0, PageTableFormat.Native(4, 0)));
        Assert.ThrowsAny<OperationCanceledException>(
            () => new KernelVmaList(reader, SimulatedKernel.Memory, stop.Token).TryRead([]));
        Assert.InRange(reads, Reads, Reads + 10);
    }

    [Fact]
    public void The_reason_why_kcore_fails_is_reported()
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        using LinuxProcess process = _process.Open();
        MemProcException Fails() => Assert.Throws<MemProcException>(
            () => new KernelMemoryMapReader(KernelReadSource.Kcore, _process.Files).Read(process));
        MemProcException error = Fails();
        Assert.Equal("ReadKernelMemory,EOPNOTSUPP", error.ErrorId);
        Assert.Contains("CONFIG_PROC_KCORE", error.Message, StringComparison.Ordinal);
        File.WriteAllText(Kcore, "no core");
        Assert.Equal("ReadKernelMemory,EOPNOTSUPP", Fails().ErrorId);
        kernel.WriteKcore(Kcore);
        File.WriteAllText($"{_process.Files.Proc}/kallsyms", "0000000000000000 D init_task\n");
        error = Fails();
        Assert.Equal("ReadKernelMemory,EPERM", error.ErrorId);
        Assert.Contains("CAP_SYSLOG", error.Message, StringComparison.Ordinal);
        File.Delete($"{_process.Files.Proc}/kallsyms");
        Assert.Equal("ReadKernelMemory,EPERM", Fails().ErrorId);
    }

    [Fact]
    public void A_kernel_without_BTF_is_a_separate_error()
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        kernel.WriteKcore(Kcore);
        File.Delete($"{_process.Files.Sys}/kernel/btf/vmlinux");
        using LinuxProcess process = _process.Open();
        MemProcException error = Assert.Throws<MemProcException>(
            () => new KernelMemoryMapReader(KernelReadSource.Kcore, _process.Files).Read(process));
        Assert.Equal("ReadBtf,ENOENT", error.ErrorId);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    public void A_walk_reads_all_levels(int levels)
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        PutTables(kernel, levels, downTo: 1, 0x8000_0000_222e_3047);
        _process.WritePageMap(Address, Present | 0x222e3);
        PageTableStep[] steps = Walk(kernel, levels, Address);
        Assert.Equal(levels, steps.Length);
        Assert.Equal(0x8000_0000_222e_3047, steps[^1].Entry);
        Assert.Equal(SimulatedKernel.Root, steps[0].TableAddress);
    }

    [Theory]
    [InlineData(2, 0x1_2340_00e7, 0x1_2340_0000)]
    [InlineData(3, 0x1_4000_00e7, 0x1_4000_0000)]
    public void Frames_of_a_large_page_count_from_its_first_frame(int level, ulong entry, ulong physical)
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        PutTables(kernel, 4, level, entry);
        ulong within = Address & ((1UL << (12 + 9 * (level - 1))) - 1);
        _process.WritePageMap(Address, Present | (physical + within) >> 12);
        Assert.Equal(5 - level, Walk(kernel, 4, Address).Length);
    }

    [Fact]
    public void An_entry_that_pagemap_does_not_confirm_is_an_error()
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        PutTables(kernel, 4, downTo: 1, 0x8000_0000_222e_3047);
        foreach (ulong word in new[] { Present | 0x222e4, 0UL, Swapped | 0x20, Present })
        {
            _process.WritePageMap(Address, word);
            MemProcException error = Assert.Throws<MemProcException>(() => Walk(kernel, 4, Address));
            Assert.Equal(("WalkPageTable,EAGAIN", (object)Address), (error.ErrorId, error.Target));
        }
    }

    [Fact]
    public void Swap_offsets_are_those_of_pagemap()
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        PutTables(kernel, 4, downTo: 1, Entry(2, 0x6314));
        _process.WritePageMap(Address, Swapped | 0x6314 << 5 | 2);
        Assert.Equal(4, Walk(kernel, 4, Address).Length);
        _process.WritePageMap(Address, Swapped | 0x6315 << 5 | 2);
        Assert.Equal("WalkPageTable,EAGAIN", Assert.Throws<MemProcException>(() => Walk(kernel, 4, Address)).ErrorId);

        // A page under migration: the kernel stores the accessed bit above the frame number, pagemap omits it.
        PutTables(kernel, 4, downTo: 1, Entry(30, 0x6314 | 1UL << 34));
        _process.WritePageMap(Address, Swapped | 0x6314 << 5 | 30);
        Assert.Equal(4, Walk(kernel, 4, Address).Length);

        // A large page under migration: pagemap adds the page index.
        PutTables(kernel, 4, downTo: 2, Entry(30, 0x6400));
        _process.WritePageMap(Address, Swapped | (0x6400 + (Address >> 12 & 511)) << 5 | 30);
        Assert.Equal(3, Walk(kernel, 4, Address).Length);

        static ulong Entry(ulong type, ulong offset) => type << 59 | ~offset << 14 >> 5;
    }

    [Fact]
    public void A_freed_table_is_an_error()
    {
        using SimulatedKernel kernel = new(_process, hasTree: false);
        kernel.Put(SimulatedKernel.Root + 0x7f0, 0x7fff_0000_0067);
        _process.WritePageMap(Address, Present | 0x222e3);
        Assert.Equal("WalkPageTable,EAGAIN", Assert.Throws<MemProcException>(() => Walk(kernel, 4, Address)).ErrorId);
    }

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    /// <summary>Writes adjacent tables after the root; the last one contains the entry.</summary>
    private static void PutTables(SimulatedKernel kernel, int levels, int downTo, ulong entry)
    {
        ulong table = SimulatedKernel.Root;
        for (int level = levels; ; level--)
        {
            ulong index = Address >> (12 + 9 * (level - 1)) & 511;
            if (level == downTo)
            {
                kernel.Put(table + 8 * index, entry);
                return;
            }

            kernel.Put(table + 8 * index, table + 0x1000 - SimulatedKernel.Base | 0x67);
            table += 0x1000;
        }
    }

    private PageTableStep[] Walk(SimulatedKernel kernel, int levels, ulong address)
    {
        using LinuxProcess process = _process.Open();
        KernelReader reader = new(kernel, _process.Files, new KernelPageTables(
            SimulatedKernel.Base, new X64PageTable(levels, 0, savesDirty: true)));
        PageTableStep[] steps = new PageTableStep[PageTableFormat.MaxLevels];
        return steps[..new PageTableWalker(reader, process).Walk(address, steps)];
    }

    private SimulatedKernel TwoMappings(ulong flags)
    {
        SimulatedKernel kernel = new(_process, hasTree: false);
        kernel.Put(SimulatedKernel.Memory + 0x10, First);
        PutBoth(kernel, flags);
        kernel.SetMapCount(2);
        return kernel;
    }

    private static void PutBoth(SimulatedKernel kernel, ulong flags)
    {
        kernel.PutVma(First, 0x1000, 0x3000, flags, next: Second);
        kernel.PutVma(Second, 0x3000, 0x4000, flags);
    }

    private KernelReader Reader(KernelMemory memory) =>
        new(memory, _process.Files, new KernelPageTables(SimulatedKernel.Base, new X64PageTable(4, 0, savesDirty: false)));

    /// <summary>Memory that changes while it is read.</summary>
    private sealed class ChangingMemory(SimulatedKernel kernel, Action<ulong> beforeRead) : KernelMemory
    {
        public override Errno TryRead(ulong address, Span<byte> buffer)
        {
            beforeRead(address);
            return kernel.TryRead(address, buffer);
        }

        public override ulong CurrentTask() => kernel.CurrentTask();
    }
}

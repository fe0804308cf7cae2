using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests page poisoning on a simulated kernel with the injector. No frame of this machine is poisoned.</summary>
public sealed class PagePoisonTests
{
    private const ulong Present = 1UL << 63, Swapped = 1UL << 62, Exclusive = 1UL << 56, Start = 0x400000;
    private const ulong Lru = 1UL << 5, Anonymous = 1UL << 12, Poisoned = 1UL << 19, Tail = 1UL << 16;

    [Fact]
    public void The_page_at_an_address_is_poisoned_and_reported()
    {
        using SimulatedProcess simulated = Simulated();
        using FakePoisoner poisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        PlannedPoison plan = poisoner.Prepare(process, Start + 0x1234, null, force: false);
        Assert.Equal(11UL, plan.Pfn);
        Assert.Equal(
            $"frame 0xb (physical address 0x{11 * Page.Size:x}), the page at 0x401000 of process {Environment.ProcessId} "
            + "(simulated), mapping [heap] rw-p (lru,anonymous; mapped once)", plan.Description);
        Assert.Equal("", simulated.ReadDebug("corrupt-pfn"));
        PagePoison poison = poisoner.Poison(plan);
        Assert.Equal("0xb\n", simulated.ReadDebug("corrupt-pfn"));
        Assert.True(poison.IsPoisoned);
        Assert.Equal((11UL, 11 * Page.Size, Start + 0x1000, Environment.ProcessId, "simulated", 777UL, "rw-p", "[heap]"),
            (poison.Pfn, poison.PhysicalAddress, poison.Address, poison.ProcessId, poison.ProcessName,
                poison.ProcessStartTicks, poison.Permissions, poison.Path));
    }

    [Fact]
    public void A_frame_is_found_among_the_pages_of_the_process()
    {
        using SimulatedProcess simulated = Simulated();
        using FakePoisoner poisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        PagePoison poison = poisoner.Poison(poisoner.Prepare(process, null, 12, force: false));
        Assert.Equal((12UL, Start + 0x2000), (poison.Pfn, poison.Address));
    }

    [Theory]
    // A frame that the process does not map, a shared frame, and pages without a usable frame.
    [InlineData(null, 20UL, "PoisonPage,EINVAL", "does not map it")]
    [InlineData(0x403000UL, null, "PoisonPage,EACCES", "shared")]
    [InlineData(null, 13UL, "PoisonPage,EACCES", "mapped 3 times")]
    [InlineData(0x404000UL, null, "PoisonPage,ENOENT", "swapped")]
    [InlineData(0x405000UL, null, "PoisonPage,ENOENT", "empty")]
    [InlineData(0x406000UL, null, "PoisonPage,EPERM", "CAP_SYS_ADMIN")]
    [InlineData(0x407000UL, null, "PoisonPage,EHWPOISON", "already")]
    [InlineData(0x401000UL, 10UL, "PoisonPage,EAGAIN", "0xb now")]
    [InlineData(0x900000UL, null, "FindMap,ENOENT", "nothing is mapped")]
    public void Pages_that_cannot_be_poisoned_are_rejected(
        ulong? address, ulong? pfn, string errorId, string reason)
    {
        using SimulatedProcess simulated = Simulated();
        using FakePoisoner poisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        if (address != 0x406000)
        {
            // A hidden frame would end the search for a frame.
            simulated.WritePageMap(Start + 0x6000, 0);
        }

        MemProcException error = Assert.Throws<MemProcException>(
            () => poisoner.Prepare(process, address, pfn, force: false));
        Assert.Equal(errorId, error.ErrorId);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message.Contains("must be forced", StringComparison.Ordinal), error.CanBeForced);
        Assert.Equal("", simulated.ReadDebug("corrupt-pfn"));
    }

    [Fact]
    public void A_forced_call_accepts_shared_frames_frames_of_others_and_no_process()
    {
        using SimulatedProcess simulated = Simulated();
        simulated.WritePageMap(Start + 0x6000, 0);
        using FakePoisoner poisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        PlannedPoison shared = poisoner.Prepare(process, Start + 0x3000, null, force: true);
        Assert.Contains("mapped 3 times", shared.Description, StringComparison.Ordinal);
        PlannedPoison foreign = poisoner.Prepare(process, null, 20, force: true);
        Assert.Contains($"which process {Environment.ProcessId} (simulated) does not have", foreign.Description, StringComparison.Ordinal);
        Assert.Equal("PoisonPage,EINVAL", Assert.Throws<MemProcException>(
            () => poisoner.Prepare(null, null, 21, force: false)).ErrorId);
        PagePoison poison = poisoner.Poison(poisoner.Prepare(null, null, 21, force: true));
        Assert.True(poison is { Pfn: 21, IsPoisoned: true, ProcessId: null, Address: null, Path: null });
        // Even with force, missing and poisoned frames are rejected.
        Assert.Equal("ReadPageFlags,EINVAL", Assert.Throws<MemProcException>(
            () => poisoner.Prepare(null, null, 1UL << 40, force: true)).ErrorId);
        Assert.Equal("PoisonPage,EHWPOISON", Assert.Throws<MemProcException>(
            () => poisoner.Prepare(null, null, 21, force: true)).ErrorId);
    }

    [Fact]
    public void A_page_that_moved_after_the_check_is_not_poisoned()
    {
        using SimulatedProcess simulated = Simulated();
        using FakePoisoner poisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        PlannedPoison plan = poisoner.Prepare(process, Start, null, force: true);
        simulated.WritePageMap(Start, Present | Exclusive | 20);
        Assert.Equal("PoisonPage,EAGAIN", Assert.Throws<MemProcException>(() => poisoner.Poison(plan)).ErrorId);
        Assert.Equal("", simulated.ReadDebug("corrupt-pfn"));
    }

    [Fact]
    public void A_kernel_that_ignores_the_frame_number_is_detected()
    {
        using SimulatedProcess simulated = Simulated();
        using PagePoisoner poisoner = new(simulated.Files);
        using LinuxProcess process = simulated.Open();
        PlannedPoison plan = poisoner.Prepare(process, Start, null, force: false);
        MemProcException error = Assert.Throws<MemProcException>(() => poisoner.Poison(plan));
        Assert.Equal("PoisonPage,EIO", error.ErrorId);
        Assert.Contains("corrupt-filter", error.Message, StringComparison.Ordinal);
        Assert.Equal("0xa\n", simulated.ReadDebug("corrupt-pfn"));
    }

    [Theory]
    // mm/memory-failure.c marks the frame first; then it fails to take memory of an unknown kind out of use.
    [InlineData(Errno.EBUSY, null, "is marked as poisoned now", "try again")]
    [InlineData(Errno.EBUSY, 50UL, "is not poisoned. The kernel is using the page; try again", "is marked")]
    [InlineData(Errno.EPERM, 50UL, "is not poisoned. Requires CAP_SYS_ADMIN", "is marked")]
    public void After_a_refusal_the_state_of_the_frame_is_told(Errno answer, ulong? marked, string told, string untold)
    {
        using SimulatedProcess simulated = Simulated();
        using FakePoisoner poisoner = new(simulated) { Answer = answer, Marks = marked };
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(
            () => poisoner.Poison(poisoner.Prepare(process, Start, null, force: false)));
        Assert.Equal($"PoisonPage,{answer}", error.ErrorId);
        Assert.Contains(told, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(untold, error.Message, StringComparison.Ordinal);
        if (marked is null)
        {
            // Another try names the state.
            Assert.Equal("PoisonPage,EHWPOISON", Assert.Throws<MemProcException>(
                () => poisoner.Prepare(process, Start, null, force: false)).ErrorId);
        }
    }

    [Theory]
    [InlineData(Errno.EBUSY, false, "is still poisoned: the kernel releases only frames that nothing uses")]
    [InlineData(Errno.EOPNOTSUPP, false, "until it restarts")]
    [InlineData(Errno.EBUSY, true, "is no longer poisoned")]
    public void After_a_refusal_to_unpoison_the_state_of_the_frame_is_told(Errno answer, bool releases, string told)
    {
        using SimulatedProcess simulated = Simulated();
        using FakeUnpoisoner unpoisoner = new(simulated) { Answer = answer, Releases = releases };
        MemProcException error = Assert.Throws<MemProcException>(
            () => unpoisoner.Clear(unpoisoner.Prepare(null, 14, force: true)));
        Assert.Equal($"UnpoisonPage,{answer}", error.ErrorId);
        Assert.Contains(told, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("try again", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1UL << 24, 0UL, "is the zero page")]
    [InlineData(Lru, 0UL, "does not count the mappings")]
    [InlineData(Lru, 1UL, "is shared, its frame is mapped once")]
    public void The_reason_why_a_page_counts_as_shared_is_named(ulong flags, ulong count, string reason)
    {
        using SimulatedProcess simulated = Simulated();
        simulated.WriteFrames("kpageflags", 13, flags);
        simulated.WriteFrames("kpagecount", 13, count);
        using FakePoisoner poisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(
            () => poisoner.Prepare(process, Start + 0x3000, null, force: false));
        Assert.Equal("PoisonPage,EACCES", error.ErrorId);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Poisoned | 1UL << 17, "pagemap shows poisoned pages of hugetlb as empty")]
    [InlineData(Poisoned | Anonymous, "as after it has unmapped the page")]
    [InlineData(Poisoned | Lru, "as after a page of a file was read again")]
    public void The_reason_why_a_process_has_no_trace_is_named(ulong flags, string reason)
    {
        using SimulatedProcess simulated = Simulated();
        simulated.WriteFrames("kpageflags", 14, flags);
        using FakeUnpoisoner unpoisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        MemProcException error = Assert.Throws<MemProcException>(() => unpoisoner.Prepare(process, 14, force: false));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.True(error.CanBeForced);
    }

    [Fact]
    public void A_huge_page_is_poisoned_by_its_first_frame()
    {
        using SimulatedProcess simulated = Simulated();
        simulated.WriteFrames("kpageflags", 32, Anonymous, Tail, Tail, Tail);
        simulated.WritePageMap(Start, Present | Exclusive | 35);
        using FakePoisoner poisoner = new(simulated) { Marks = 32 };
        using LinuxProcess process = simulated.Open();
        Assert.True(poisoner.Poison(poisoner.Prepare(process, Start, null, force: false)).IsPoisoned);
        Assert.Equal("0x23\n", simulated.ReadDebug("corrupt-pfn"));
    }

    [Fact]
    public void A_frame_is_unpoisoned_if_the_process_has_its_hwpoison_entry()
    {
        using SimulatedProcess simulated = Simulated();
        const ulong PoisonType = 27;
        simulated.WritePageMap(Start + 0x5000, Swapped | 14 << 5 | PoisonType);
        using FakeUnpoisoner unpoisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        PlannedPoison plan = unpoisoner.Prepare(process, 14, force: false);
        Assert.Equal(Start + 0x5000, plan.Address);
        Assert.Equal("", simulated.ReadDebug("unpoison-pfn"));
        PagePoison clear = unpoisoner.Clear(plan);
        Assert.Equal("0xe\n", simulated.ReadDebug("unpoison-pfn"));
        Assert.True(clear is { Pfn: 14, IsPoisoned: false, Path: "[heap]" });
    }

    [Fact]
    public void A_frame_without_a_hwpoison_entry_is_unpoisoned_with_force_only_and_a_used_one_never()
    {
        using SimulatedProcess simulated = Simulated();
        using FakeUnpoisoner unpoisoner = new(simulated);
        using LinuxProcess process = simulated.Open();
        Assert.Equal("UnpoisonPage,EINVAL", Assert.Throws<MemProcException>(
            () => unpoisoner.Prepare(process, 14, force: false)).ErrorId);
        Assert.Equal("UnpoisonPage,EINVAL", Assert.Throws<MemProcException>(
            () => unpoisoner.Prepare(null, 14, force: false)).ErrorId);
        MemProcException error = Assert.Throws<MemProcException>(() => unpoisoner.Prepare(process, 10, force: true));
        Assert.Contains("not poisoned", error.Message, StringComparison.Ordinal);
        Assert.Null(unpoisoner.Prepare(process, 14, force: true).Address);
        Assert.False(unpoisoner.Clear(unpoisoner.Prepare(null, 14, force: true)).IsPoisoned);
    }

    [Fact]
    public void A_kernel_that_does_not_unpoison_is_detected()
    {
        using SimulatedProcess simulated = Simulated();
        using PageUnpoisoner unpoisoner = new(simulated.Files);
        PlannedPoison plan = unpoisoner.Prepare(null, 14, force: true);
        Assert.Equal("UnpoisonPage,EIO", Assert.Throws<MemProcException>(() => unpoisoner.Clear(plan)).ErrorId);
    }

    [Fact]
    public void The_missing_kernel_feature_is_named()
    {
        using SimulatedProcess simulated = new();
        Missing(simulated, "CONFIG_MEMORY_FAILURE");
        SimulatedProcess.WriteKernelFile(Path.Combine(simulated.Files.Proc, "sys", "vm", "memory_failure_recovery"), "1\n"u8);
        Missing(simulated, "mount -t debugfs");
        Directory.CreateDirectory(simulated.Files.Debug);
        Missing(simulated, "mount -t debugfs");
        Directory.CreateDirectory(Path.Combine(simulated.Files.Debug, "tracing"));
        Missing(simulated, "modprobe hwpoison-inject");
    }

    private static void Missing(SimulatedProcess simulated, string remedy)
    {
        MemProcException error = Assert.Throws<MemProcException>(() => new PagePoisoner(simulated.Files));
        Assert.Equal("PoisonPage,ENOENT", error.ErrorId);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
        error = Assert.Throws<MemProcException>(() => new PageUnpoisoner(simulated.Files));
        Assert.Equal("UnpoisonPage,ENOENT", error.ErrorId);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// Eight pages: three exclusive to the process, one shared, one in swap, one empty, one with a hidden frame and
    /// one whose frame is already poisoned.
    /// </summary>
    private static SimulatedProcess Simulated()
    {
        SimulatedProcess simulated = new();
        simulated.Write("maps", "400000-408000 rw-p 00000000 00:00 0                                  [heap]\n");
        simulated.WritePageMap(Start, Present | Exclusive | 10, Present | Exclusive | 11, Present | Exclusive | 12,
            Present | 13, Swapped | 5 << 5, 0, Present, Present | Exclusive | 15);
        ulong[] flags = new ulong[64];
        Array.Fill(flags, Lru | Anonymous);
        flags[14] = flags[15] = Poisoned;
        ulong[] counts = new ulong[64];
        Array.Fill(counts, 1UL);
        counts[13] = 3;
        simulated.WriteFrames("kpageflags", 0, flags);
        simulated.WriteFrames("kpagecount", 0, counts);
        foreach (string name in new[] { "corrupt-pfn", "unpoison-pfn" })
        {
            SimulatedProcess.WriteKernelFile(Path.Combine(simulated.Files.Debug, "hwpoison", name), []);
        }

        return simulated;
    }

    /// <summary>A simulated kernel that poisons the frame that is written to its file, or another one.</summary>
    private sealed class FakePoisoner(SimulatedProcess simulated) : PagePoisoner(simulated.Files)
    {
        public ulong? Marks { get; init; }

        /// <summary>The kernel's answer after it has marked the frame.</summary>
        public Errno Answer { get; init; }

        protected override Errno Write(ulong pfn)
        {
            base.Write(pfn);
            simulated.WriteFrames("kpageflags", Marks ?? pfn, Poisoned);
            return Answer;
        }
    }

    /// <summary>A simulated kernel that unpoisons the frame that is written to its file.</summary>
    private sealed class FakeUnpoisoner(SimulatedProcess simulated) : PageUnpoisoner(simulated.Files)
    {
        public Errno Answer { get; init; }

        public bool Releases { get; init; } = true;

        protected override Errno Write(ulong pfn)
        {
            base.Write(pfn);
            if (Releases)
            {
                simulated.WriteFrames("kpageflags", pfn, 0);
            }

            return Answer;
        }
    }
}

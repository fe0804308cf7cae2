using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Tests soft-dirty bits on kernels with support, and on kernels that only claim it.</summary>
public sealed class SoftDirtyTests
{
    [Theory]
    [InlineData(true, true, true)]
    // Clearing has no effect: a set bit has no meaning.
    [InlineData(false, true, false)]
    // Writing sets no bit, as without CONFIG_MEM_SOFT_DIRTY.
    [InlineData(true, false, false)]
    [InlineData(false, false, false)]
    public void Soft_dirty_support_is_confirmed_by_a_round_trip_only(bool clears, bool marks, bool expected)
    {
        using FakeKernel kernel = new(clears, marks);
        Assert.Equal(expected, kernel.Test());
    }

    [Fact]
    public void The_live_kernel_is_probed_on_an_own_page()
    {
        bool isSupported = SoftDirtyProbe.IsSupported(KernelFiles.Default);
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {3 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 3");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        if (!isSupported)
        {
            MemProcException error = Assert.Throws<MemProcException>(() => SoftDirty.Clear(process));
            Assert.Equal("ClearSoftDirty,ENOSYS", error.ErrorId);
            Assert.Contains("CONFIG_MEM_SOFT_DIRTY", error.Message, StringComparison.Ordinal);
            // The error is correct: no page has the bit. Whether it was written to is unknown, not false.
            Assert.All(Pages(process, address), page => Assert.Null(page.IsSoftDirty));
            MemProcException filter = Assert.Throws<MemProcException>(
                () => new PageFilter { IsSoftDirty = true }.ThrowIfUnsupported());
            Assert.Equal("ReadPageMap,ENOSYS", filter.ErrorId);
            Assert.Contains("CONFIG_MEM_SOFT_DIRTY", filter.Message, StringComparison.Ordinal);
            return;
        }

        SoftDirtyClear clear = SoftDirty.Clear(process);
        Assert.Equal(target.ProcessId, clear.ProcessId);
        new PageFilter { IsSoftDirty = true }.ThrowIfUnsupported();
        Assert.All(Pages(process, address), page => Assert.False(page.IsSoftDirty));
        target.Ask($"touch {address + Page.Size} 1");
        Assert.Equal(new bool?[] { false, true, false }, Pages(process, address).Select(page => page.IsSoftDirty));
    }

    [Theory]
    // 6.18 with soft-dirty bits and guard regions: nothing is unknown.
    [InlineData(0x8180_0000_0000_1000, 0x4400_0000_0000_0000UL, "6.18.1", "")]
    // Without CONFIG_MEM_SOFT_DIRTY.
    [InlineData(0x8100_0000_0000_1000, 0x4400_0000_0000_0000UL, "6.18.1", "soft-dirty")]
    // Guard regions that pagemap does not show, before 6.15.
    [InlineData(0x8180_0000_0000_1000, 0x4000_0000_0000_0000UL, "6.13", "guard")]
    // No guard regions: a page that is one does not exist, and false is the answer.
    [InlineData(0x8180_0000_0000_1000, null, "6.12.9", "")]
    [InlineData(0x8180_0000_0000_1000, null, "5.10.3", "write-protected")]
    [InlineData(0x8180_0000_0000_1000, null, "5.6", "")]
    [InlineData(0x8080_0000_0000_1000, null, "4.1", "exclusive")]
    public void Bits_that_a_kernel_does_not_report_are_known(ulong written, ulong? guard, string release, string expected)
    {
        ulong unknown = PageMapSupport.UnknownBits(written, guard, Version.Parse(release));
        Assert.Equal(expected, new RawPageMapEntry(unknown).Describe());
        Assert.Equal((expected is not ("soft-dirty" or "exclusive" or "guard")), Record.Exception(() =>
            PageMapSupport.ThrowIfUnknown(PageMapSupport.SoftDirty | PageMapSupport.Exclusive | PageMapSupport.Guard, unknown)) is null);
    }

    [Fact]
    public void A_kernel_that_ignores_the_command_is_detected()
    {
        using SimulatedProcess simulated = new();
        simulated.Write("clear_refs", "");
        // For any page of the probe, the entry is present and never soft-dirty.
        simulated.Write("maps", "1000-7ffffffff000 rw-p 00000000 00:00 0\n");
        string pagemap = Path.Combine(simulated.Files.Proc, $"{Environment.ProcessId}", "pagemap");
        File.CreateSymbolicLink(pagemap, "/dev/zero");
        Assert.False(SoftDirtyProbe.IsSupported(simulated.Files));
        Assert.Equal("4", simulated.Read("clear_refs"));
        using LinuxProcess process = simulated.Open();
        Assert.Equal("ClearSoftDirty,ENOSYS",
            Assert.Throws<MemProcException>(() => SoftDirty.Clear(process)).ErrorId);
    }

    [Fact]
    public void A_kernel_without_the_file_is_named_with_its_option()
    {
        using SimulatedProcess simulated = new();
        MemProcException error = Assert.Throws<MemProcException>(
            () => SoftDirty.ThrowIfUnsupported(simulated.Files));
        Assert.Equal("ClearSoftDirty,ENOENT", error.ErrorId);
        Assert.Contains("CONFIG_PROC_PAGE_MONITOR", error.Message, StringComparison.Ordinal);
    }

    private static PageMapEntry[] Pages(LinuxProcess process, ulong address) =>
        [.. new PageMapWalk(process) { IncludeEmpty = true }.Range(address, 3 * Page.Size)];

    /// <summary>A simulated kernel that can clear or set soft-dirty bits, or cannot.</summary>
    private sealed class FakeKernel(bool clears, bool marks) : SoftDirtyProbe
    {
        private bool _isDirty = !clears;

        protected override void Clear() => _isDirty &= !clears;

        protected override void Touch() => _isDirty |= marks;

        protected override bool IsDirty() => _isDirty;
    }
}

namespace MemProc.Tests;

/// <summary>Checks the kernel's layout by reading the same memory in two ways.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class KernelLayoutReaderTests : TargetTests
{
    [Fact]
    public void The_code_of_the_kernel_is_the_same_by_both_addresses()
    {
        KernelLayout layout = Read(out KernelReader reader);
        using (reader)
        {
            Assert.SkipWhen(layout.TextAddress is null || layout.TextPhysicalAddress is null, "the kernel does not show its code");
            byte[] byText = new byte[256], byDirectMap = new byte[256];
            reader.Read(layout.TextAddress.Value, byText);
            reader.Read(layout.PageOffset + layout.TextPhysicalAddress.Value, byDirectMap);
            Assert.Equal(byText, byDirectMap);
            Assert.Contains(byText, value => value != 0);
        }
    }

    [Fact]
    public void The_array_of_struct_pages_is_where_the_notes_of_the_kernel_say()
    {
        KernelLayout layout = Read(out KernelReader reader);
        using (reader)
        {
            Assert.SkipWhen(reader.VmcoreInfo.Symbol("vmemmap") is null, "needs vmcoreinfo");
            Assert.Equal(reader.VmcoreInfo.Symbol("vmemmap"), layout.Vmemmap);
            Assert.Equal(reader.Layout.Frames.Page.SizeBytes, layout.StructPageSizeBytes);
        }
    }

    [Fact]
    public void Levels_are_those_of_a_walk()
    {
        KernelLayout layout = Read(out KernelReader reader);
        reader.Dispose();
        using PageTableReader tables = new();
        ulong address = Target.Ask("seed").Address("address");
        IReadOnlyList<PageTableEntry> entries = tables.Entries(Process, address);
        Assert.Equal(entries.Select(entry => (entry.Level, entry.CoveredBytes, entry.Index)), layout.Levels.Select(level =>
            (level.Level, level.CoveredBytes, (int)(address >> level.Shift) & (level.EntryCount - 1))));
        Assert.All(entries, entry => Assert.Equal(layout.FrameMask, entry.FrameMask));
        Assert.Equal(entries[0].FrameKernelAddress - entries[0].FrameAddress, layout.PageOffset);
        Assert.Equal((Page.Size, 1UL << layout.PageShift), (layout.PageSizeBytes, layout.PageSizeBytes));
    }

    [Fact]
    public void The_release_and_the_end_of_user_space_are_the_kernels()
    {
        KernelLayout layout = Read(out KernelReader reader);
        reader.Dispose();
        Assert.Equal(File.ReadAllText("/proc/sys/kernel/osrelease").Trim(), layout.KernelRelease);
        Assert.True(layout.TaskSize > MapReader.Read(Process).Last(map => map.Kind != ProcMapKind.Vsyscall).Start);
    }

    [Fact]
    public void The_tree_root_and_the_page_protection_are_those_that_the_kernel_uses()
    {
        LiveKernel.Require();
        using KernelMemoryMapReader maps = new();
        Assert.True(maps.Read(Process).TreeRoot > long.MaxValue);
        using KernelVmaReader vmas = new();
        using PageTableReader tables = new();
        ulong address = FramePages.Anonymous(Target);
        KernelVma vma = vmas.Read(Process, address);
        // What the mapping gives its pages is set in the entry of a page, apart from the frame, and from what the processor and
        // the first write add.
        PageTableEntry entry = tables.Entries(Process, address)[^1];
        Assert.NotNull(vma.PageProtection);
        Assert.Equal(vma.PageProtection & ~entry.FrameMask, entry.Entry & vma.PageProtection & ~entry.FrameMask);
    }

    [Fact]
    public void The_next_mapping_is_the_first_that_ends_after_an_address()
    {
        ProcMap[] maps = [.. MapReader.Read(Process).Where(map => map.Kind != ProcMapKind.Vsyscall)];
        ulong seed = Target.Ask($"map {Page.Size} rw- private").Address("address");
        Assert.Equal(seed, MapReader.FindNext(Process, seed - 1).Start);
        Assert.Equal(seed, MapReader.FindNext(Process, seed + 5).Start);
        Assert.NotEqual(seed, MapReader.FindNext(Process, seed + Page.Size).Start);
        Assert.Equal(maps[0].Start, MapReader.FindNext(Process, 0).Start);
        Assert.Equal("FindMap,ENOENT",
            Assert.Throws<MemProcException>(() => MapReader.FindNext(Process, 0x7fff_ffff_f000)).ErrorId);
    }

    private static KernelLayout Read(out KernelReader reader)
    {
        LiveKernel.Require();
        using KernelLayoutReader layouts = new();
        KernelLayout layout = layouts.Read();
        reader = new KernelReader(KernelReadSource.Auto, null);
        Assert.Equal(reader.Source, layout.Source);
        return layout;
    }
}

using MemProc.Interop;

namespace MemProc.Tests;

/// <summary>Poisons frames of a real kernel: only in a guest, which is thrown away.</summary>
[Collection(KernelPrograms.Collection)]
public sealed class GuestPoisonTests : IDisposable
{
    private const int TouchedPage = 5;

    private readonly TargetProcess _target;
    private readonly LinuxProcess _process;
    private readonly PagePoisoner _poisoner;
    private readonly PageUnpoisoner _unpoisoner;

    public GuestPoisonTests()
    {
        Requires.Guest();
        try
        {
            _poisoner = new PagePoisoner();
            _unpoisoner = new PageUnpoisoner();
        }
        catch (MemProcException error)
        {
            Assert.Skip(error.Message);
            throw;
        }

        _target = TargetProcess.Start();
        _process = LinuxProcess.Open(_target.ProcessId);
    }

    [Fact]
    public void An_anonymous_page_is_poisoned_and_its_frame_is_released()
    {
        ulong address = FramePages.Anonymous(_target);
        PagePoison poison = Poison(address);
        Assert.Equal(address, poison.Address);
        // pagemap shows the frame as a slot of a swap area that does not exist.
        PageMapEntry page = new PageMapWalk(_process).At(address).Single();
        Assert.True(page.IsSwapped);
        Assert.Equal("PoisonPage,ENOENT", Id(() => _poisoner.Prepare(_process, address, null, force: true)));
        Assert.Equal("PoisonPage,EHWPOISON", Id(() => _poisoner.Prepare(null, null, poison.Pfn, force: true)));
        PlannedPoison plan = _unpoisoner.Prepare(_process, poison.Pfn, force: false);
        Assert.Equal(address, plan.Address);
        Assert.False(_unpoisoner.Clear(plan).IsPoisoned);
    }

    [Fact]
    public void A_process_that_touches_a_poisoned_page_is_killed()
    {
        ulong address = FramePages.Anonymous(_target);
        PagePoison poison = Poison(address);
        Assert.Equal(Errno.EFAULT, Assert.Throws<MemProcException>(
            () => new MemoryReader(_process, ReadMethod.ProcessVm).ReadExactly(address, 8)).Errno);
        Assert.Equal(Errno.EIO, Assert.Throws<MemProcException>(
            () => new MemoryReader(_process, ReadMethod.Mem).ReadExactly(address, 8)).Errno);
        TargetException death = Assert.Throws<TargetException>(() => _target.Ask($"touch {address} 1"));
        // SIGBUS, or SIGABRT where the runtime of the target reports it.
        Assert.Matches("exit code (135|134)", death.Message);
        Assert.False(_unpoisoner.Clear(_unpoisoner.Prepare(null, poison.Pfn, force: true)).IsPoisoned);
    }

    [Fact]
    public void A_clean_page_of_a_file_is_read_again()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("data", [.. Enumerable.Repeat((byte)7, (int)Page.Size)]);
        Shell.Run(Requires.Tool("sync"), file);
        ulong address = _target.Ask($"file 0 {Page.Size} r-- private {file}").Address("address");
        Assert.Equal(7, _target.Ask($"peek {address} 1").Bytes("bytes")[0]);
        PagePoison poison = Poison(address, force: true);
        Assert.Equal(7, _target.Ask($"peek {address} 1").Bytes("bytes")[0]);
        MemProcException error = Assert.Throws<MemProcException>(
            () => _unpoisoner.Prepare(_process, poison.Pfn, force: false));
        Assert.True(error.CanBeForced);
        Assert.False(_unpoisoner.Clear(_unpoisoner.Prepare(_process, poison.Pfn, force: true)).IsPoisoned);
    }

    [Fact]
    public void A_page_of_a_memfd_stays_poisoned_as_long_as_the_file_has_it()
    {
        ulong address = _target.Ask($"memfd {Page.Size} poison").Address("address");
        _target.Ask($"touch {address} 1");
        PagePoison poison = Poison(address);
        MemProcException error = Assert.Throws<MemProcException>(
            () => _unpoisoner.Clear(_unpoisoner.Prepare(_process, poison.Pfn, force: true)));
        Assert.Equal("UnpoisonPage,EBUSY", error.ErrorId);
        Assert.Contains("is still poisoned", error.Message, StringComparison.Ordinal);
        Assert.True(IsPoisoned(poison.Pfn));
        _target.Kill();
        Assert.False(_unpoisoner.Clear(_unpoisoner.Prepare(null, poison.Pfn, force: true)).IsPoisoned);
    }

    [Fact]
    public void One_page_of_a_transparent_huge_page_is_poisoned()
    {
        ulong address = FramePages.Huge(_target, _process) + TouchedPage * Page.Size;
        ulong[] before = FramePages.Pfns(_process, address - Page.Size, 3);
        PagePoison poison = Poison(address);
        Assert.Equal(before[1], poison.Pfn);
        PageMapEntry[] after = [.. new PageMapWalk(_process).Range(address - Page.Size, 3 * Page.Size)];
        Assert.Equal([true, false, true], after.Select(page => page.IsPresent));
        Assert.False(_unpoisoner.Clear(_unpoisoner.Prepare(_process, poison.Pfn, force: false)).IsPoisoned);
    }

    [Fact]
    public void A_page_of_hugetlb_is_poisoned_as_a_whole_and_leaves_no_trace_in_pagemap()
    {
        using HugeTlb huge = HugeTlb.Reserve();
        ulong address = _target.Ask($"file 0 {HugeTlb.PageBytes} rw- shared {huge.FilePath}").Address("address");
        _target.Ask($"touch {address} 1");
        PagePoison poison = Poison(address, force: true);
        MemProcException error = Assert.Throws<MemProcException>(() => _unpoisoner.Prepare(_process, poison.Pfn, force: false));
        Assert.Contains("pagemap shows poisoned pages of hugetlb as empty", error.Message, StringComparison.Ordinal);
        _target.Kill();
        File.Delete(huge.FilePath);
        Settle(() => _unpoisoner.Clear(_unpoisoner.Prepare(null, poison.Pfn, force: true)), poison.Pfn, mayRemain: true);
    }

    [Fact]
    public void What_is_said_of_a_merged_page_is_its_state()
    {
        using Ksm ksm = Ksm.On();
        ulong address = FramePages.Merged(_target);
        ulong pfn = FramePages.Pfns(_process, address)[0];
        Settle(() => Poison(address, force: true), pfn, mayRemain: false);
    }

    [Fact]
    public void The_zero_page_is_named()
    {
        ulong address = _target.Ask($"map {Page.Size} rw- private").Address("address");
        _target.Ask($"peek {address} 1");
        MemProcException error = Assert.Throws<MemProcException>(() => _poisoner.Prepare(_process, address, null, force: false));
        Assert.Equal("PoisonPage,EACCES", error.ErrorId);
        Assert.Contains("is the zero page", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_said_of_a_frame_of_the_kernel_is_its_state()
    {
        PhysicalRange? data = PhysicalMap.Read().Ranges.FirstOrDefault(range => range.Name == "Kernel rodata");
        Assert.SkipWhen(data?.Start is null, "needs the kernel's read-only data in /proc/iomem");
        ulong pfn = data.Start.Value / Page.Size + 1;
        Settle(() => _poisoner.Poison(_poisoner.Prepare(null, null, pfn, force: true)), pfn, mayRemain: false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process?.Dispose();
        _target?.Dispose();
        _poisoner?.Dispose();
        _unpoisoner?.Dispose();
    }

    /// <summary>Asserts that a result, or the words of an error, agree with what kpageflags says afterwards.</summary>
    private static void Settle(Func<PagePoison> change, ulong pfn, bool mayRemain)
    {
        try
        {
            Assert.Equal(IsPoisoned(change().Pfn), !mayRemain);
        }
        catch (MemProcException error)
        {
            bool isPoisoned = IsPoisoned(pfn);
            Assert.Contains(isPoisoned ? mayRemain ? "is still poisoned" : "is marked as poisoned now"
                : mayRemain ? "is no longer poisoned" : "is not poisoned", error.Message, StringComparison.Ordinal);
        }
    }

    private static bool IsPoisoned(ulong pfn)
    {
        using FrameTables tables = new(FrameAttributes.Flags);
        FrameFolio folio = new FrameFolios(tables).Find([pfn])[0]!.Value;
        return tables.Read([pfn, folio.HeadPfn], raw: false).Any(
            frame => new KernelPageFlagSet(frame!.RawFlags).IsPoisoned);
    }

    private static string Id(Action action) => Assert.Throws<MemProcException>(action).ErrorId;

    private PagePoison Poison(ulong address, bool force = false) =>
        _poisoner.Poison(_poisoner.Prepare(_process, address, null, force));
}

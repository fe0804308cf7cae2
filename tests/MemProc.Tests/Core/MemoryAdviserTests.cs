using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests;

/// <summary>Tests advice about the memory of the target.</summary>
public sealed class MemoryAdviserTests
{
    private const int Pages = 64, NoHugePage = 15;

    [Fact]
    public void Memory_is_paged_out_and_the_plan_says_how_much()
    {
        Require(ProcessMemoryAdvice.PageOut);
        using Swap swap = Swap.On();
        using TargetProcess target = TargetProcess.Start();
        ulong address = Touched(target);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryAdviser adviser = new(process, ProcessMemoryAdvice.PageOut);
        AddressRange range = MemoryAdviser.RangeOf(address + 5, Pages * Page.Size - 5);
        PlannedMemoryAdvice plan = adviser.Plan(range, new MapFilter());
        Assert.Equal((Pages * Page.Size, Pages * Page.Size, 1, 0UL),
            (plan.SizeBytes, plan.ResidentBytes, plan.MapCount, plan.SkippedBytes));
        Assert.Contains($"{HumanSize.Format(Pages * Page.Size)} in 1 mapping at 0x{address:x} of process {target.ProcessId}",
            plan.Describe(), StringComparison.Ordinal);
        // The plan alone changes nothing.
        Assert.Equal(Pages, Resident(process, address));
        MemoryAdviceResult result = RepeatUntil(() => adviser.Execute(adviser.Plan(range, new MapFilter())),
            () => Resident(process, address) == 0);
        Assert.Equal((Pages * Page.Size, 0UL, null), (result.AdvisedBytes, result.RefusedBytes, result.RefusedErrno));
        Assert.Equal((0UL, Pages * Page.Size), (result.ResidentBytesAfter, result.SwappedBytesAfter));
        Assert.Equal((address, Pages * Page.Size), (result.Address, result.Length));
        // The data is still there.
        Assert.Equal("01", target.Ask($"peek {address} 1").Text("bytes"));
    }

    [Theory]
    [InlineData(ProcessMemoryAdvice.Cold)]
    [InlineData(ProcessMemoryAdvice.WillNeed)]
    public void Memory_stays_as_it_is_with_other_advice(ProcessMemoryAdvice advice)
    {
        Require(advice);
        using TargetProcess target = TargetProcess.Start();
        ulong address = Touched(target);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryAdviser adviser = new(process, advice);
        MemoryAdviceResult result = adviser.Execute(
            adviser.Plan(MemoryAdviser.RangeOf(address, Pages * Page.Size), new MapFilter()));
        Assert.Equal((Pages * Page.Size, Pages * Page.Size, Pages * Page.Size, null),
            (result.AdvisedBytes, result.ResidentBytesBefore, result.ResidentBytesAfter, result.HugeBytesAfter));
    }

    [Fact]
    public void Memory_is_collapsed_in_whole_huge_pages()
    {
        Require(ProcessMemoryAdvice.Collapse);
        Assert.SkipUnless(Page.Size == 4096, "needs pages of 4 KiB");
        const ulong Huge = 2UL << 20;
        using TargetProcess target = TargetProcess.Start();
        ulong memory = target.Ask($"map {3 * Huge} rw- private").Address("address");
        ulong first = (memory + Huge - 1) / Huge * Huge;
        target.Ask($"touch {first} {Huge / Page.Size} 1");
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryAdviser adviser = new(process, ProcessMemoryAdvice.Collapse);
        // The range ends in the next huge page, which is skipped.
        PlannedMemoryAdvice plan = adviser.Plan(MemoryAdviser.RangeOf(first, Huge + Page.Size), new MapFilter());
        Assert.Equal((Huge, Page.Size), (plan.SizeBytes, plan.SkippedBytes));
        MemoryAdviceResult result = adviser.Execute(plan);
        Assert.SkipWhen(result.RefusedErrno == Errno.ENOMEM, "needs a free huge page");
        Assert.Equal((Huge, Huge), (result.AdvisedBytes, result.ResidentBytesAfter));
        ulong mapped = MapReader.ReadDetailed(process).First(map => map.Start <= first && first < map.End).AnonHugePagesBytes!.Value;
        Assert.Equal(Huge, mapped);
        Assert.True(result.HugeBytesAfter is null || result.HugeBytesAfter == Huge);
        Assert.Equal("AdviseMemory,EINVAL", Assert.Throws<MemProcException>(
            () => adviser.Plan(MemoryAdviser.RangeOf(first, Page.Size), new MapFilter())).ErrorId);
    }

    [Fact]
    public void What_the_kernel_refuses_is_counted_and_what_is_not_memory_is_skipped()
    {
        Require(ProcessMemoryAdvice.Cold);
        using TargetProcess target = TargetProcess.Start();
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryAdviser adviser = new(process, ProcessMemoryAdvice.Cold);
        ulong address = Touched(target);
        PlannedMemoryAdvice plan = adviser.Plan(MemoryAdviser.RangeOf(address, Pages * Page.Size), new MapFilter());
        target.Ask($"unmap {address} {Pages * Page.Size}");
        MemoryAdviceResult gone = adviser.Execute(plan);
        Assert.Equal((0UL, Pages * Page.Size, Errno.ENOMEM), (gone.AdvisedBytes, gone.RefusedBytes, gone.RefusedErrno!.Value));
        Assert.Equal(0UL, gone.ResidentBytesAfter);

        MemoryAdviceResult whole = adviser.Execute(adviser.Plan(null, new MapFilter()));
        ulong vdso = MapReader.Read(process).Where(map => map.Kind is ProcMapKind.Vdso or ProcMapKind.Vvar or ProcMapKind.Vsyscall)
            .Aggregate(0UL, (sum, map) => sum + map.SizeBytes);
        Assert.True(whole.SkippedBytes >= vdso && vdso > 0);
        Assert.True(whole.ResidentBytesBefore > 0);
        ProcMap special = MapReader.Read(process).First(map => map.Kind == ProcMapKind.Vdso);
        MemProcException error = Assert.Throws<MemProcException>(
            () => adviser.Plan(new AddressRange(special.Start, special.End), new MapFilter()));
        Assert.Equal("AdviseMemory,EINVAL", error.ErrorId);
        Assert.Contains("[vdso]", error.Message, StringComparison.Ordinal);
        Assert.Equal("FindMap,ENOENT", Assert.Throws<MemProcException>(
            () => adviser.Plan(MemoryAdviser.RangeOf(address, Page.Size), new MapFilter())).ErrorId);
        Assert.Equal("AdviseMemory,EINVAL",
            Assert.Throws<MemProcException>(() => MemoryAdviser.RangeOf(ulong.MaxValue, 2)).ErrorId);
    }

    [Fact]
    public void A_process_that_has_exited_is_an_error()
    {
        Require(ProcessMemoryAdvice.Cold);
        using TargetProcess target = TargetProcess.Start();
        ulong address = Touched(target);
        using LinuxProcess process = LinuxProcess.Open(target.ProcessId);
        MemoryAdviser adviser = new(process, ProcessMemoryAdvice.Cold);
        PlannedMemoryAdvice plan = adviser.Plan(MemoryAdviser.RangeOf(address, Page.Size), new MapFilter());
        target.Kill();
        Assert.Equal("AdviseMemory,ESRCH", Assert.Throws<MemProcException>(() => adviser.Execute(plan)).ErrorId);
    }

    [Fact]
    public void A_process_of_another_namespace_is_refused()
    {
        // Its id here is that of this process, which would get the advice.
        using SimulatedProcess simulated = new();
        simulated.Write("maps", "1000-3000 rw-p 00000000 00:00 0\n");
        using LinuxProcess process = simulated.Open();
        Assert.Equal("AdviseMemory,EOPNOTSUPP", Assert.Throws<MemProcException>(
            () => new MemoryAdviser(process, ProcessMemoryAdvice.PageOut).Plan(null, new MapFilter())).ErrorId);
    }

    [Fact]
    public void Advice_that_the_kernel_lacks_is_refused_by_name()
    {
        using TemporaryFolder folder = new();
        KernelFiles files = new(Sys: folder.Path);
        MemProcException error = Assert.Throws<MemProcException>(
            () => MemoryAdviser.ThrowIfUnsupported(ProcessMemoryAdvice.Collapse, files));
        Assert.Equal("AdviseMemory,ENOSYS", error.ErrorId);
        Assert.Contains("advice Collapse", error.Message, StringComparison.Ordinal);
        Assert.Contains("CONFIG_TRANSPARENT_HUGEPAGE", error.Message, StringComparison.Ordinal);
        // The probe tells unknown advice from known one.
        Assert.Equal(Errno.None, Libc.TryPidfdOpen(Environment.ProcessId, out SafeFileHandle? self));
        using (self)
        {
            Errno errno = Libc.TryProcessAdvise(self!, 0, 0, MemoryAdvice.Cold, out ulong advised);
            Assert.SkipWhen(errno == Errno.ENOSYS, "needs process_madvise");
            Assert.Equal((Errno.None, 0UL), (errno == Errno.EPERM ? Errno.None : errno, advised));
        }
    }

    private static void Require(ProcessMemoryAdvice advice)
    {
        Requires.Root();
        try
        {
            MemoryAdviser.ThrowIfUnsupported(advice);
        }
        catch (MemProcException missing)
        {
            Assert.Skip(missing.Message);
        }
    }

    private static ulong Touched(TargetProcess target)
    {
        ulong address = target.Ask($"map {Pages * Page.Size} rw- private").Address("address");
        target.Ask($"advise {address} {Pages * Page.Size} {NoHugePage}");
        target.Ask($"touch {address} {Pages}");
        return address;
    }

    private static int Resident(LinuxProcess process, ulong address) =>
        new PageMapWalk(process).Range(address, Pages * Page.Size).Count(page => page.IsPresent);

    /// <summary>Repeats the advice: the kernel does not page out pages that are still in a per-CPU batch.</summary>
    private static MemoryAdviceResult RepeatUntil(Func<MemoryAdviceResult> advise, Func<bool> isDone)
    {
        for (int attempt = 0; attempt < 100; attempt++)
        {
            MemoryAdviceResult result = advise();
            if (isDone())
            {
                return result;
            }

            Thread.Sleep(50);
        }

        throw new TimeoutException("The kernel does not page out the memory.");
    }
}

using System.Runtime.InteropServices;
using System.Text;

namespace MemProc.Tests;

/// <summary>Tests page table indexes of addresses, with the number of levels that the kernel reports.</summary>
public sealed class PageTableGeometryTests : IDisposable
{
    private const ulong Address = 0x7f13_3f16_3000;

    private readonly SimulatedProcess _process = new();

    public PageTableGeometryTests() => Assert.SkipUnless(
        Page.Size == 4096 && RuntimeInformation.ProcessArchitecture == Architecture.X64, "needs x86-64");

    [Theory]
    [InlineData("fpu lm la57 avx2", new[] { 0, 0xfe, 0x4c, 0x1f8, 0x163 })]
    [InlineData("fpu lm avx2", new[] { 0xfe, -1, 0x4c, 0x1f8, 0x163 })]
    public void The_number_of_levels_comes_from_cpuinfo_of_the_given_procfs(string flags, int[] indexes)
    {
        SimulatedProcess.WriteKernelFile($"{_process.Files.Proc}/cpuinfo",
            Encoding.ASCII.GetBytes($"processor\t: 0\nflags\t\t: {flags}\n\n"));
        Assert.Equal(indexes, Indexes());
    }

    [Fact]
    public void Without_cpuinfo_there_are_four_levels() => Assert.Equal([0xfe, -1, 0x4c, 0x1f8, 0x163], Indexes());

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private IEnumerable<int> Indexes() =>
        from level in new[] { PageTableLevel.PGD, PageTableLevel.P4D, PageTableLevel.PUD, PageTableLevel.PMD, PageTableLevel.PTE }
        select PageTableGeometry.Of(_process.Files).IndexOf(Address, level) ?? -1;
}

using MemProc.Interop;
using Microsoft.Win32.SafeHandles;

namespace MemProc.Tests.Interop;

/// <summary>Tests the own page that kernel features are probed on.</summary>
public sealed class OwnPageTests
{
    [Fact]
    public void It_is_present_and_exclusive_until_it_is_released()
    {
        OwnPage page = new();
        ulong address = page.Address;
        Assert.Equal(0UL, address % Page.Size);
        Assert.True(Word(address) is { IsPresent: true, IsExclusive: true });
        page.Touch();
        page.Dispose();
        page.Dispose();
        Assert.Throws<ObjectDisposedException>(page.Touch);
    }

    [Fact]
    public void It_is_never_part_of_a_huge_page()
    {
        using OwnPage page = new();
        using LinuxProcess self = LinuxProcess.Open(Environment.ProcessId);
        ProcMapDetail map = MapReader.ReadDetailed(self).Single(
            map => map.Start <= page.Address && page.Address < map.End);
        Assert.True(map.VmFlags.Contains("nh") || !Directory.Exists("/sys/kernel/mm/transparent_hugepage"));
    }

    private static RawPageMapEntry Word(ulong address)
    {
        using SafeFileHandle pagemap = Libc.OpenAt(null, "/proc/self/pagemap");
        byte[] word = new byte[sizeof(ulong)];
        Assert.Equal(sizeof(ulong), Libc.PReadFully(pagemap, word, address / Page.Size * sizeof(ulong)));
        return new RawPageMapEntry(BitConverter.ToUInt64(word));
    }
}

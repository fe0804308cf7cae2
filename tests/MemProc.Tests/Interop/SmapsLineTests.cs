using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

public sealed class SmapsLineTests
{
    [Theory]
    // Recorded on Linux 6.18.
    [InlineData("Size:                132 kB\n", "Size", 132 * 1024)]
    [InlineData("KernelPageSize:        4 kB", "KernelPageSize", 4096)]
    [InlineData("Pss_Dirty:            20 kB", "Pss_Dirty", 20 * 1024)]
    [InlineData("Private_Hugetlb:       0 kB", "Private_Hugetlb", 0)]
    [InlineData("KSM:                   0 kB", "KSM", 0)]
    [InlineData("THPeligible:           0", "THPeligible", 0)]
    [InlineData("THPeligible:           1\n", "THPeligible", 1)]
    // Older and other kernels.
    [InlineData("ProtectionKey:         7", "ProtectionKey", 7)]
    [InlineData("THPeligible:\t\t1", "THPeligible", 1)]
    // A size above 32 bits, and an unknown counter.
    [InlineData("Size:         2147483648 kB", "Size", 2199023255552)]
    [InlineData("Yet_Unknown:          12 kB", "Yet_Unknown", 12288)]
    public void A_counter_in_kB_is_converted_to_bytes(string line, string name, ulong value)
    {
        Assert.True(SmapsLine.TryParse(Encoding.UTF8.GetBytes(line), out SmapsLine result));
        Assert.Equal(name, Encoding.UTF8.GetString(result.Name));
        Assert.Equal(value, result.Value);
        Assert.True(result.VmFlags.IsEmpty);
    }

    [Theory]
    [InlineData("VmFlags: rd wr mr mw me gd ac \n", "rd wr mr mw me gd ac")]
    [InlineData("VmFlags: ex ", "ex")]
    [InlineData("VmFlags: rd mr wf dp zz", "rd mr wf dp zz")]
    [InlineData("VmFlags: \n", "")]
    public void Known_and_unknown_flags_are_kept(string line, string flags)
    {
        Assert.True(SmapsLine.TryParse(Encoding.UTF8.GetBytes(line), out SmapsLine result));
        Assert.Equal("VmFlags", Encoding.UTF8.GetString(result.Name));
        Assert.Equal(flags, Encoding.UTF8.GetString(result.VmFlags));
        Assert.Equal(0UL, result.Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData(":")]
    [InlineData(": 4 kB")]
    [InlineData("Rss")]
    [InlineData("Rss 4 kB")]
    [InlineData("Rss:")]
    [InlineData("Rss:  kB")]
    [InlineData("Rss:  -4 kB")]
    [InlineData("Rss:  99999999999999999999 kB")]
    public void Invalid_lines_are_rejected(string line) =>
        Assert.False(SmapsLine.TryParse(Encoding.UTF8.GetBytes(line), out _));

    [Theory]
    [InlineData("00400000-00401000 r-xp 00000000 fd:00 13592455                           /bin/x", true)]
    [InlineData("7fffa50d1000-7fffa50f2000 rw-p 00000000 00:00 0                          [stack]", true)]
    [InlineData("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]", true)]
    [InlineData("Rss:                  20 kB", false)]
    [InlineData("Anonymous:            20 kB", false)]
    [InlineData("FilePmdMapped:         0 kB", false)]
    [InlineData("VmFlags: ex ", false)]
    [InlineData("", false)]
    public void A_header_is_distinguished_from_a_counter(string line, bool isHeader) =>
        Assert.Equal(isHeader, SmapsLine.IsHeader(Encoding.UTF8.GetBytes(line)));

    [Fact]
    public void Damaged_lines_never_throw()
    {
        int accepted = 0, refused = 0;
        foreach (byte[] line in Mutation.Of(
            "Rss:                  20 kB\n", "VmFlags: rd wr mr mw me ", "THPeligible:    1"))
        {
            _ = SmapsLine.TryParse(line, out _) ? accepted++ : refused++;
            _ = SmapsLine.IsHeader(line);
        }

        Assert.True(accepted > 1000 && refused > 1000, $"{accepted} accepted, {refused} refused");
    }

    [Fact]
    public void Every_line_of_a_live_process_is_a_header_or_a_counter()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {5 * Page.Size} rw- private").Address("address");
        target.Ask($"touch {address} 3");
        Dictionary<string, ulong> counters = [];
        bool here = false;
        int headers = 0;
        foreach (string text in File.ReadLines($"/proc/{target.ProcessId}/smaps"))
        {
            byte[] line = Encoding.UTF8.GetBytes(text);
            if (SmapsLine.IsHeader(line))
            {
                Assert.True(MapsLine.TryParse(line, out MapsLine header));
                here = header.Start == address;
                headers++;
                continue;
            }

            Assert.True(SmapsLine.TryParse(line, out SmapsLine counter));
            if (here)
            {
                counters.Add(Encoding.UTF8.GetString(counter.Name), counter.Value);
            }
        }

        Assert.True(headers > 10);
        Assert.Equal(5 * Page.Size, counters["Size"]);
        Assert.Equal(3 * Page.Size, counters["Rss"]);
        Assert.Equal(3 * Page.Size, counters["Private_Dirty"]);
        Assert.Contains("VmFlags", counters.Keys);
    }
}

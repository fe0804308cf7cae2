using System.Text;
using MemProc.Interop;

namespace MemProc.Tests.Interop;

public sealed class ProcessStatTests
{
    /// <summary>The text after the name of a <c>cat</c> on Linux 6.18: state R, 18 fields, start time 105454.</summary>
    private const string Rest = " R 6816 6816 6199 0 -1 4194304 102 0 0 0 0 0 0 0 20 0 1 0 105454 3133440 412 "
        + "18446744073709551615 94057186480128 94057186500009 140722876376416 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 "
        + "94057186516016 94057186517632 94057221574656 140722876381669 140722876381689 140722876381689 "
        + "140722876383211 0\n";

    [Theory]
    [InlineData("cat")]
    [InlineData("")]
    [InlineData(") R 1 (")]
    [InlineData("a) b")]
    [InlineData("((")]
    [InlineData("))")]
    [InlineData("two words")]
    [InlineData("line\nbreak")]
    [InlineData("\u001b[31mred")]
    [InlineData("naïve")]
    public void A_name_may_contain_any_characters(string name)
    {
        Assert.True(ProcessStat.TryParse(Encoding.UTF8.GetBytes($"6819 ({name}){Rest}"), out ProcessStat stat));
        Assert.Equal(new ProcessStat(6819, name, 'R', 4194304, 105454)
        {
            ParentId = 6816,
            GroupId = 6816,
            SessionId = 6199,
        }, stat);
        Assert.False(stat.IsKernelThread);
        Assert.False(stat.IsZombie);
    }

    [Fact]
    public void A_name_that_is_not_valid_UTF8_is_accepted()
    {
        byte[] text = [.. "6819 (a"u8, 0xff, .. ")"u8, .. Encoding.UTF8.GetBytes(Rest)];
        Assert.True(ProcessStat.TryParse(text, out ProcessStat stat));
        Assert.Equal("a\ufffd", stat.Name);
    }

    [Theory]
    // Recorded on Linux 6.18; the zombie is edited to another state.
    [InlineData("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 24 0 0 18446744073709551615 0 0 0",
        'S', true, false, 24)]
    [InlineData(
        "9 (kworker/0:0-virtio_vsock) I 2 0 0 0 -1 69238880 0 0 0 0 0 26 0 0 20 0 1 0 24 0 0 18446744073709551615",
        'I', true, false, 24)]
    [InlineData("6819 (cat) Z 6816 6816 6199 0 -1 4194316 102 0 0 0 0 0 0 0 20 0 1 0 105454 0 0 18446744073709551615",
        'Z', false, true, 105454)]
    [InlineData("6819 (cat) X 6816 6816 6199 0 -1 4194316 102 0 0 0 0 0 0 0 20 0 1 0 105454 0 0 18446744073709551615",
        'X', false, true, 105454)]
    public void Kernel_threads_and_zombies_are_detected(
        string text, char state, bool isKernelThread, bool isZombie, ulong start)
    {
        Assert.True(ProcessStat.TryParse(Encoding.UTF8.GetBytes(text), out ProcessStat stat));
        Assert.Equal(state, stat.State);
        Assert.Equal(isKernelThread, stat.IsKernelThread);
        Assert.Equal(isZombie, stat.IsZombie);
        Assert.Equal(start, stat.StartTicks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("1")]
    [InlineData("1 (")]
    [InlineData("1 (x")]
    [InlineData("1 (x)")]
    [InlineData("1 (x) ")]
    [InlineData("1 (x) R")]
    [InlineData("1 (x) R 1 2 3 4 5")]
    [InlineData("1 (x) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17")]
    [InlineData("1 )x( R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19")]
    [InlineData("one (x) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19")]
    [InlineData("99999999999 (x) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19")]
    public void Invalid_stat_text_is_rejected(string text) =>
        Assert.False(ProcessStat.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Damaged_text_never_throws()
    {
        int accepted = 0, refused = 0;
        foreach (byte[] text in Mutation.Of(
            "6819 (cat)" + Rest, "1 (x) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"))
        {
            _ = ProcessStat.TryParse(text, out _) ? accepted++ : refused++;
        }

        Assert.True(accepted > 1000 && refused > 1000, $"{accepted} accepted, {refused} refused");
    }

    [Fact]
    public void A_live_process_has_its_id_and_start_time()
    {
        using TargetProcess target = TargetProcess.Start();
        Assert.True(ProcessStat.TryParse(File.ReadAllBytes($"/proc/{target.ProcessId}/stat"), out ProcessStat stat));
        Assert.Equal(target.ProcessId, stat.ProcessId);
        Assert.Equal(File.ReadAllText($"/proc/{target.ProcessId}/comm"), stat.Name + "\n");
        Assert.True(ProcessStat.TryParse(File.ReadAllBytes("/proc/self/stat"), out ProcessStat self));
        Assert.InRange(stat.StartTicks, self.StartTicks, ulong.MaxValue);
        Assert.True(ProcessStat.TryParse(File.ReadAllBytes("/proc/self/stat"), out ProcessStat again));
        Assert.Equal(self.StartTicks, again.StartTicks);
    }
}

using System.Globalization;

namespace MemProc.Tests;

/// <summary>Tests of the target that the other tests rely on, against maps as text.</summary>
public sealed class TargetProcessTests
{
    [Fact]
    public void It_exits_on_command()
    {
        using TargetProcess target = TargetProcess.Start();
        Assert.Equal(0, target.Exit());
        Assert.True(target.HasExited);
    }

    [Fact]
    public void An_error_is_thrown_with_the_call_and_its_reason()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetException refused = Assert.Throws<TargetException>(() => target.Ask("file 0 4096 r-- private /no/file"));
        Assert.Contains("error open: No such file or directory", refused.Message, StringComparison.Ordinal);
        Assert.Throws<TargetException>(() => target.Ask("no-such-command"));
        Assert.Throws<TargetException>(() => target.Ask("peek 0x10 1"));
        Assert.Throws<TargetException>(() => target.Ask("map"));
        target.Ask("seed");
    }

    [Fact]
    public void A_dead_target_is_an_error_without_a_wait()
    {
        using TargetProcess target = TargetProcess.Start();
        target.Kill();
        TargetException dead = Assert.Throws<TargetException>(() => target.Ask("seed"));
        Assert.Contains("exit code 137", dead.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prefix_command_runs_it_as_another_user()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start(
            Requires.Tool("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups");
        string status = File.ReadAllText($"/proc/{target.ProcessId}/status");
        Assert.Contains("Uid:\t65534\t65534", status, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_id_outside_its_pid_namespace_is_known()
    {
        Requires.Root();
        using TargetProcess target = TargetProcess.Start(Requires.Tool("unshare"), "--pid", "--fork");
        string status = File.ReadAllText($"/proc/{target.ProcessId}/status");
        Assert.Contains($"NSpid:\t{target.ProcessId}\t1\n", status, StringComparison.Ordinal);
    }

    [Fact]
    public void Seed_puts_both_strings_into_a_separate_mapping()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("seed").Address("address");
        Assert.Equal(
            "ABCDEFGHIJKL1234567890!@#$%^&*()KKKKKKKKKKKKKKKKKKK", target.Ask($"say {address}").Text("text"));
        Assert.Equal("AAAAAAAAAAAAAAAAAAABBBBBBBBBBBBCCCCCCCCCCC", target.Ask($"say {address + 4096}").Text("text"));
        target.Ask("seed");
        Assert.StartsWith($"{address:x}-{address + 8192:x} rw-p ", Line(target, address), StringComparison.Ordinal);
    }

    [Fact]
    public void Garlic_has_a_pointer_to_it()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply garlic = target.Ask("garlic");
        Assert.Equal("garlic", target.Ask($"say {garlic.Address("text")}").Text("text"));
        Assert.Equal(
            BitConverter.GetBytes(garlic.Address("text")),
            target.Ask($"peek {garlic.Address("pointer")} 8").Bytes("bytes"));
    }

    [Fact]
    public void Fill_writes_computable_bytes()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("map 70000 rw- private").Address("address");
        target.Ask($"fill {address} 70000 7");
        byte[] expected = new byte[70000];
        for (uint i = 0; i < expected.Length; i++)
        {
            expected[i] = unchecked((byte)((i * 2654435761u >> 13) + 7));
        }

        Assert.Equal(expected, target.Ask($"peek 0x{address:x} 70000").Bytes("bytes"));
        Assert.True(expected.Distinct().Count() == 256);
    }

    [Fact]
    public void Touch_strides_over_pages()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {8 * Page.Size} rw- shared").Address("address");
        target.Ask($"touch {address} 3 2");
        byte[] bytes = target.Ask($"peek {address} {8 * Page.Size}").Bytes("bytes");
        Assert.Equal([0, 2, 4], Enumerable.Range(0, 8).Where(page => bytes[page * (int)Page.Size] == 1));
        Assert.Contains(" rw-s ", Line(target, address), StringComparison.Ordinal);
    }

    [Fact]
    public void Protect_unmap_and_advise_reach_the_kernel()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"map {3 * Page.Size} rw- private").Address("address");
        target.Ask($"fill {address} {3 * Page.Size} 1");
        target.Ask($"advise {address} {Page.Size} 4");
        Assert.Equal(new byte[16], target.Ask($"peek {address} 16").Bytes("bytes"));
        target.Ask($"protect {address} {Page.Size} ---");
        ulong second = address + Page.Size, third = second + Page.Size;
        Assert.StartsWith($"{address:x}-{second:x} ---p ", Line(target, address), StringComparison.Ordinal);
        target.Ask($"unmap {second} {Page.Size}");
        Assert.Empty(Line(target, second));
        Assert.StartsWith($"{third:x}-", Line(target, third), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_may_contain_blanks()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("map 4096 rw- private").Address("address");
        Requires.Name(target, address, 4096, "x y");
        Assert.EndsWith(" [anon:x y]", Line(target, address), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_with_any_name_can_be_mapped()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("a b\n\e[31m\\ (deleted)", new byte[3 * Page.Size]);
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask(
            $"file {Page.Size} {Page.Size} r-- private {folder.Path}/a b\\n\\e[31m\\\\ (deleted)").Address("address");
        string line = Line(target, address);
        Assert.StartsWith($"{address:x}-{address + Page.Size:x} r--p {Page.Size:x8} ", line, StringComparison.Ordinal);
        Assert.EndsWith(path.Replace("\n", "\\012", StringComparison.Ordinal), line, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shared_file_can_be_written()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("shared", new byte[Page.Size]);
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask($"file 0 {Page.Size} rw- shared {path}").Address("address");
        target.Ask($"touch {address} 1");
        Assert.Equal(1, File.ReadAllBytes(path)[0]);
    }

    [Fact]
    public void A_memfd_shows_its_name()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("memfd 8192 some name").Address("address");
        Assert.EndsWith(" /memfd:some name (deleted)", Line(target, address), StringComparison.Ordinal);
    }

    [Fact]
    public void Vmas_creates_the_requested_number()
    {
        using TargetProcess target = TargetProcess.Start();
        TargetReply many = target.Ask("vmas 1001");
        ulong start = many.Address("address"), end = start + many.Number("length");
        string[] inside = [.. Maps(target).Where(line => Start(line) >= start && Start(line) < end)];
        Assert.Equal(1001, inside.Length);
        Assert.StartsWith($"{start:x}-", inside[0], StringComparison.Ordinal);
        Assert.Contains($"-{end:x} ", inside[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Spin_and_churn_run_until_still()
    {
        using TargetProcess target = TargetProcess.Start();
        ulong address = target.Ask("map 4096 rw- private").Address("address");
        target.Ask($"spin {address}");
        TargetReply churned = target.Ask("churn");
        ulong start = churned.Address("address"), end = start + churned.Number("length");
        bool IsChurned(string line) => line.Length > 0 && Start(line) < end && End(line) > start;
        HashSet<string> seen = [];
        Assert.True(SpinWait.SpinUntil(() =>
        {
            seen.UnionWith(Maps(target).Where(IsChurned));
            return seen.Count > 10;
        }, TestTimeout.OfSeconds(30)));
        Assert.All(seen, line => Assert.True(Start(line) >= start && End(line) <= end, line));
        byte[] first = target.Ask($"peek {address} 8").Bytes("bytes");
        Assert.True(SpinWait.SpinUntil(
            () => !first.SequenceEqual(target.Ask($"peek {address} 8").Bytes("bytes")), TestTimeout.OfSeconds(30)));

        Assert.Equal(2UL, target.Ask("still").Number("threads"));
        Assert.DoesNotContain(Maps(target), IsChurned);
        byte[] last = target.Ask($"peek {address} 8").Bytes("bytes");
        Assert.Equal(last, target.Ask($"peek {address} 8").Bytes("bytes"));
        Assert.Equal(0UL, target.Ask("still").Number("threads"));
    }

    private static string[] Maps(TargetProcess target) =>
        File.ReadAllText($"/proc/{target.ProcessId}/maps").Split('\n');

    private static string Line(TargetProcess target, ulong address) => Maps(target)
        .FirstOrDefault(line => line.Length > 0 && Start(line) <= address && address < End(line), "");

    private static ulong Start(string line) => Hex(line.Split('-')[0]);

    private static ulong End(string line) => Hex(line.Split('-', ' ')[1]);

    private static ulong Hex(string digits) =>
        digits.Length == 0 ? 0 : ulong.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}

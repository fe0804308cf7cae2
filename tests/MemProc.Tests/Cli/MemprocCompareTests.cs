using System.Text.Json;
using static MemProc.Tests.MemprocTests;

namespace MemProc.Tests;

/// <summary>Tests <c>memproc compare</c> and <c>memproc compare-image</c>.</summary>
public sealed class MemprocCompareTests : TargetTests
{
    [Fact]
    public void Two_cores_and_a_process_are_compared()
    {
        using TemporaryFolder folder = new();
        ulong address = Target.Ask($"map {2 * Page.Size} rw- private").Address("address");
        Target.Ask($"advise {address} {2 * Page.Size} 15");
        Target.Ask($"fill {address} {2 * Page.Size} 1");
        string before = Save(Path.Combine(folder.Path, "before"));
        MemoryTransaction.Prepare(Process, [new MemoryWriteRequest(address + 8, BitConverter.GetBytes(4711))])
            .Commit(stop: false, verify: true);
        string after = Save(Path.Combine(folder.Path, "after"));
        string[] range = ["--address", $"0x{address:x}", "--length", $"{2 * Page.Size}", "--type", "int32", "--json"];
        foreach (string[] what in (string[][])[[before, after], [before, "--pid", $"{Target.ProcessId}"]])
        {
            string[] lines = Run(["compare", .. what, .. range]).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(2, lines.Length);
            using JsonDocument summary = JsonDocument.Parse(lines[0]), change = JsonDocument.Parse(lines[1]);
            Assert.Equal(1, summary.RootElement.GetProperty("differenceCount").GetInt32());
            Assert.Equal(4711, change.RootElement.GetProperty("value").GetInt32());
            Assert.Equal($"0x{address + 8:x}", change.RootElement.GetProperty("address").GetString());
        }

        string text = Run("compare", before, after, "--address", $"0x{address:x}", "--length", $"{Page.Size}");
        Assert.Contains("in 1 place", text, StringComparison.Ordinal);
        Assert.StartsWith("Change ", Run("compare", before, after, "--mapping"), StringComparison.Ordinal);
        Assert.Contains("Changed   0 B in 0 places", Run("compare", "--pid", $"{Target.ProcessId}", "--seconds", "0", "--address",
            $"0x{address:x}", "--length", $"{Page.Size}", "--summary"), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_combinations_are_refused()
    {
        Assert.Equal(1, Memproc("compare", "one.core").ExitCode);
        Assert.Equal(1, Memproc("compare", "--seconds", "1").ExitCode);
        Assert.Equal(1, Memproc("compare", "a", "b", "--layout", "int32 a").ExitCode);
    }

    [Fact]
    public void Images_are_compared_with_their_files()
    {
        string text = Run("compare-image", $"{Target.ProcessId}", "--path", "libc.so.6");
        Assert.Contains("relocation", text, StringComparison.Ordinal);
        Assert.Contains("RELATIVE", text, StringComparison.Ordinal);
        string json = Run("compare-image", $"{Target.ProcessId}", "--path", "libc.so.6", "--unexplained", "--json");
        Assert.Empty(json);
    }

    private static string Run(params string[] arguments) => Memproc(arguments).Output;

    private string Save(string path)
    {
        MemorySaver.Save(Process, null, path, new SaveOptions(), _ => { }, CancellationToken.None);
        return path;
    }
}

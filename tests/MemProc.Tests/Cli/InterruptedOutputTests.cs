using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>
/// Tests that a signal ends <c>memproc</c> soon, even while it waits in the kernel, and leaves no incomplete output.
/// </summary>
public sealed class InterruptedOutputTests : IDisposable
{
    private const ulong Pages = 512;

    private readonly TemporaryFolder _folder = new();
    private readonly TargetProcess _target = TargetProcess.Start();

    /// <inheritdoc/>
    public void Dispose()
    {
        _target.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    [InlineData("KILL", 137)]
    public void A_read_into_a_file_leaves_nothing_behind(string signal, int exitCode)
    {
        ulong address = HalfMissing();
        Interrupt(signal, exitCode, "read", $"{_target.ProcessId}", $"0x{address:x}", $"{Pages * Page.Size}",
            "--allow-userfault", "--out", Output);
    }

    [Theory]
    [InlineData("INT", 130, "core", false)]
    [InlineData("TERM", 143, "core", false)]
    [InlineData("KILL", 137, "core", true)]
    [InlineData("INT", 130, "raw", false)]
    [InlineData("TERM", 143, "raw", false)]
    [InlineData("HUP", 129, "raw", true)]
    public void A_dump_leaves_nothing_behind(string signal, int exitCode, string format, bool compress)
    {
        ulong address = HalfMissing();
        string[] arguments =
        [
            "save", $"{_target.ProcessId}", Output, "--address", $"0x{address:x}", "--length", $"{Pages * Page.Size}",
            "--allow-userfault", "--format", format,
        ];
        Interrupt(signal, exitCode, compress ? [.. arguments, "--compress"] : arguments);
    }

    [Fact]
    public void A_file_that_is_replaced_stays_as_it_was()
    {
        ulong address = HalfMissing();
        File.WriteAllText(Output, "mine");
        using (Process reader = Start("read", $"{_target.ProcessId}", $"0x{address:x}", $"{Pages * Page.Size}",
            "--allow-userfault", "--force", "--out", Output))
        {
            WaitForOutput(reader);
            reader.Kill();
            Assert.True(reader.WaitForExit(10_000));
        }

        Assert.Equal(["out"], Left());
        Assert.Equal("mine", File.ReadAllText(Output));
    }

    [Theory]
    [InlineData("read")]
    [InlineData("watch")]
    [InlineData("search")]
    [InlineData("write")]
    public void A_command_that_waits_ends_by_an_interrupt(string command)
    {
        ulong address = HalfMissing() + Pages / 2 * Page.Size;
        string[] arguments = command switch
        {
            "read" => ["read", $"{_target.ProcessId}", $"0x{address:x}", "8"],
            "watch" => ["watch", $"{_target.ProcessId}", $"0x{address:x}", "--type", "int32"],
            "search" => ["search", $"{_target.ProcessId}", "01", "--address", $"0x{address:x}", "--length", "4096", "--include-not-resident"],
            _ => ["write", $"{_target.ProcessId}", $"0x{address:x}", "--bytes", "01", "--yes"],
        };
        // Without the option it ends by itself.
        (int exitCode, _, string errors) = Shell.Try("timeout", ["30", Programs.MemprocHost, Programs.Memproc, .. arguments]);
        Assert.Equal(command == "search" ? 0 : 1, exitCode);
        Assert.Contains("userfaultfd handler", errors, StringComparison.Ordinal);
        using Process waiting = Start([.. arguments, "--allow-userfault"]);
        Assert.False(waiting.WaitForExit(2000));
        long start = Stopwatch.GetTimestamp();
        Shell.Run("kill", "-INT", $"{waiting.Id}");
        Assert.True(waiting.WaitForExit(10_000));
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1), $"{Stopwatch.GetElapsedTime(start)}");
        Assert.Equal(130, waiting.ExitCode);
    }

    private string Output => Path.Combine(_folder.Path, "out");

    private static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo(Programs.MemprocHost, [Programs.Memproc, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;

    /// <summary>Starts a command that writes to the folder and then waits, and ends it by a signal.</summary>
    private void Interrupt(string signal, int exitCode, params string[] arguments)
    {
        using Process writer = Start(arguments);
        try
        {
            WaitForOutput(writer);
            Shell.Run("kill", $"-{signal}", $"{writer.Id}");
            Assert.True(writer.WaitForExit(10_000), $"SIG{signal} did not end it.");
            Assert.Equal(exitCode, writer.ExitCode);
        }
        finally
        {
            writer.Kill();
        }

        Assert.Empty(Left());
    }

    /// <summary>Waits until a process has something open in the folder, besides the folder itself.</summary>
    private void WaitForOutput(Process writer)
    {
        bool isOpen = SpinWait.SpinUntil(() => writer.HasExited || IsWriting(writer.Id), TimeSpan.FromSeconds(30));
        Assert.True(isOpen && !writer.HasExited, "It did not write.");
    }

    private bool IsWriting(int processId)
    {
        try
        {
            return Directory.GetFiles($"/proc/{processId}/fd").Any(file =>
                new FileInfo(file).LinkTarget is string path && path != _folder.Path
                && path.StartsWith(_folder.Path, StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false;
        }
    }

    private string[] Left() => [.. Directory.GetFileSystemEntries(_folder.Path).Select(path => Path.GetFileName(path)!)];

    /// <summary>Memory of which the first half is there, and the second half waits for a handler.</summary>
    private ulong HalfMissing()
    {
        ulong address = _target.Ask($"map {Pages * Page.Size} rw- private").Address("address");
        _target.Ask($"touch {address} {Pages / 2}");
        Requires.Userfault(_target, $"miss {address} {Pages * Page.Size}");
        return address;
    }
}

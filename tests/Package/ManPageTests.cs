namespace MemProc.Tests;

/// <summary>Tests the manual page, which the build of MemProc.Help writes.</summary>
public sealed class ManPageTests
{
    private static readonly string Page = Path.Combine(Programs.Remembered("RepoRoot"), "src/MemProc.Help/bin",
        Programs.Remembered("Configuration"), "net10.0/memproc.1");

    [Fact]
    public void It_has_every_command_with_its_options()
    {
        string page = File.ReadAllText(Page).Replace("\\-", "-", StringComparison.Ordinal);
        string help = Shell.Run(Programs.MemprocHost, Programs.Memproc, "--help");
        string[] commands = [.. help.Split("Commands:")[1].Split('\n').Select(line => line.Trim().Split(' ')[0]).Where(name => name.Length > 0)];
        Assert.True(commands.Length > 20, help);
        Assert.All(commands, command => Assert.Contains($".SS \"memproc {command}", page, StringComparison.Ordinal));
        Assert.Contains(".B --encoding NAME\n", page, StringComparison.Ordinal);
        Assert.Contains(".SS \"memproc elf symbols FILE...\"\n", page, StringComparison.Ordinal);
        Assert.Contains($"memproc {typeof(LinuxProcess).Assembly.GetName().Version!.ToString(3)}\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Groff_formats_it_without_a_warning()
    {
        (int exitCode, string output, string errors) = Shell.Try(Requires.Tool("groff"), ["-man", "-ww", "-Tutf8", "-P-bcou", Page]);
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Contains("memproc - inspects the memory of Linux processes", output, StringComparison.Ordinal);
        Assert.Contains("memproc map 1234 --path '*libc*' --permission r-x", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Mandoc_finds_no_error_in_it() =>
        Assert.Equal("", Shell.Try(Requires.Tool("mandoc"), ["-T", "lint", "-W", "error", Page]).Output);

    [Fact]
    public void Man_shows_it()
    {
        (int exitCode, string output, _) = Shell.Try(Requires.Tool("env"), ["LC_ALL=C.UTF-8", "MANPAGER=cat", Requires.Tool("man"), "-l", Page]);
        Assert.Equal(0, exitCode);
        Assert.Contains("EXIT STATUS", output, StringComparison.Ordinal);
    }
}

namespace MemProc.Tests;

/// <summary>Tests the completion of memproc's command lines, by memproc and by the shells that are installed.</summary>
public sealed class CompletionTests
{
    private static readonly string Scripts = Path.Combine(Programs.Remembered("RepoRoot"), "src/MemProc.Cli/Completion");

    [Theory]
    [InlineData("sea", "search")]
    [InlineData("  map self --ki", "--kind")]
    [InlineData("map self --kind he", "heap")]
    [InlineData("map self --kind=he", "--kind=heap")]
    [InlineData("elf ", "header", "sections", "segments", "symbols")]
    [InlineData("elf symbols --j", "--json")]
    [InlineData("walk self 0x1000 --source b", "bpf", "bpf-tracepoint")]
    [InlineData("search self --type uint1", "uint128", "uint16")]
    [InlineData("pagemap self --flag lru,hug", "lru,huge")]
    [InlineData("map self --path [sta", "[stack]")]
    [InlineData("map sel", "self")]
    [InlineData("completion ", "bash", "fish", "zsh")]
    // Here the shells complete names of files.
    [InlineData("save self ")]
    [InlineData("save self /et")]
    [InlineData("file ")]
    // Nothing fits.
    [InlineData("frobnicate ")]
    [InlineData("map self --kind unk")]
    [InlineData("map self \"")]
    [InlineData("map 4194305 --path ")]
    public void Words_are_completed(string text, params string[] expected) =>
        Assert.Equal(expected, Complete(text).Select(line => line.Split('\t')[0]));

    [Fact]
    public void Processes_are_completed_by_id_with_their_names()
    {
        using TargetProcess target = TargetProcess.Start();
        Assert.Contains($"{target.ProcessId}\tdotnet", Complete("map "));
        Assert.Equal([$"{target.ProcessId}\tdotnet"], Complete($"map {target.ProcessId}").Where(line => line.EndsWith("\tdotnet", StringComparison.Ordinal)
            && line.StartsWith($"{target.ProcessId}\t", StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_command_and_option_is_completed_with_a_description()
    {
        string[] commands = Complete("");
        Assert.True(commands.Length > 20, string.Join('\n', commands));
        foreach (string command in commands)
        {
            Assert.Matches("^[a-z-]+\t.{10,}", command);
            string[] options = Complete($"{command.Split('\t')[0]} --");
            Assert.Contains(options, option => option.StartsWith("--json\t", StringComparison.Ordinal));
            Assert.All(options, option => Assert.Matches("^--[a-z-]+\t.{5,}", option));
        }
    }

    [Fact]
    public void Slash_h_is_the_name_of_a_file() =>
        Assert.Contains("/h", Shell.Try(Programs.MemprocHost, [Programs.Memproc, "file", "/h"]).Errors, StringComparison.Ordinal);

    [Theory]
    [InlineData("memproc sea", "search")]
    [InlineData("memproc map self --kind=he", "heap")]
    [InlineData("memproc map self --path [st", "\\[stack\\]")]
    [InlineData("memproc save self /et", "")]
    public void Bash_completes(string line, string expected) => Assert.Equal($"{expected}\n", InShell("bash", "--norc", "-c", """
        source "$1"/memproc.bash
        complete -p memproc | grep -q -- '-F _memproc' || exit 1
        COMP_LINE=$2 COMP_POINT=${#2}
        read -ra COMP_WORDS <<<"$2"
        _memproc
        echo "${COMPREPLY[*]}"
        """, "bash", Scripts, line));

    [Theory]
    [InlineData("memproc sea", "search")]
    [InlineData("memproc map self --kind=he", "--kind=heap")]
    [InlineData("memproc map self --ki", "--kind")]
    [InlineData("memproc save self /et", "/etc/")]
    public void Fish_completes(string line, string expected) => Assert.Equal(expected, InShell("fish", "--no-config", "-c", """
        source $argv[1]/memproc.fish
        complete -C $argv[2]
        """, Scripts, line).Split('\n')[0].Split('\t')[0]);

    /// <summary>A pseudoterminal, in which keys are typed; only there does zsh complete.</summary>
    [Fact]
    public void Zsh_completes()
    {
        string output = InShell("zsh", "-f", "-c", """
            zmodload zsh/zpty
            zpty shell zsh -f -i
            wait_for() { local text; zpty -r -m shell text "*$1*"; print -r -- "$2" }
            zpty -w shell "PROMPT='> '; autoload -Uz compinit; compinit -u -D; source ${(q)1}/memproc.zsh; print load''ed"
            wait_for loaded 'the script is loaded'
            zpty -w -n shell $'memproc sear\t'
            wait_for search 'a command'
            zpty -w -n shell $'self --encod\t'
            wait_for encoding 'an option'
            zpty -w -n shell $'\Cumemproc map self --kind hea\t'
            wait_for heap 'a value'
            zpty -d shell
            """, "zsh", Scripts);
        Assert.Equal("the script is loaded\na command\nan option\na value\n", output);
    }

    private static string[] Complete(string text) => Shell.Run(Programs.MemprocHost, Programs.Memproc, "[complete]", text)
        .Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Runs a shell that finds memproc in PATH, for at most 30 s.</summary>
    private static string InShell(string shell, params string[] arguments)
    {
        string path = $"PATH={Path.GetDirectoryName(Programs.Memproc)}:{Environment.GetEnvironmentVariable("PATH")}";
        return Shell.Run(Requires.Tool("env"), [path, "TERM=xterm", Requires.Tool("timeout"), "30", Requires.Tool(shell), .. arguments]);
    }
}

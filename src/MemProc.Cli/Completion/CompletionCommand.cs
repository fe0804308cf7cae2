using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc completion</c>: writes the completion script of a shell.</summary>
internal sealed class CompletionCommand : Command
{
    public CompletionCommand()
        : base("completion", "Writes the script with which a shell completes memproc's commands, options, and values.")
    {
        Subcommands.Add(new ScriptCommand("bash", "source <(memproc completion bash)",
            "memproc completion bash > ~/.local/share/bash-completion/completions/memproc"));
        Subcommands.Add(new ScriptCommand("zsh", "source <(memproc completion zsh)",
            "memproc completion zsh > /usr/local/share/zsh/site-functions/_memproc"));
        Subcommands.Add(new ScriptCommand("fish", "memproc completion fish | source",
            "memproc completion fish > ~/.config/fish/completions/memproc.fish"));
    }

    /// <summary>Writes the script of one shell.</summary>
    private sealed class ScriptCommand(string shell, params string[] examples)
        : CliCommand(shell, $"Writes the script for {shell}.", examples)
    {
        protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
        {
            using Stream script = typeof(ScriptCommand).Assembly.GetManifestResourceStream($"memproc.{Name}")!;
            using MemoryStream bytes = new();
            script.CopyTo(bytes);
            output.WriteBytes(bytes.ToArray());
        }
    }
}

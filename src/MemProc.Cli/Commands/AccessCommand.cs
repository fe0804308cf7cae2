using System.CommandLine;

namespace MemProc.Cli;

/// <summary><c>memproc access</c>: shows what this user can do with the memory of a process, and why not.</summary>
internal sealed class AccessCommand : CliCommand
{
    private static readonly Column<ProcMemAccess>[] Columns =
    [
        new("Ability", -15, access => EnumNames.Of(access.Ability)),
        new("Allowed", -7, access => access.IsAllowed ? "yes" : "no"),
        new("Basis", -9, access => access.IsPredicted ? "predicted" : "tried"),
        new("Cause", -17, access => access.IsAllowed ? "-" : EnumNames.Of(access.Cause)),
        new("Reason and remedy", 0, access => SafeText.Escape($"{access.Reason} {access.Remedy}".Trim())),
    ];

    private readonly Argument<int> _process = CommandOptions.Process();

    private readonly Option<MemoryAbility[]> _abilities = CommandOptions.List("--ability", "ABILITY",
        $"Only these abilities: {EnumNames.All<MemoryAbility>()}", EnumNames.Parse<MemoryAbility>);

    private readonly Option<bool> _stop = CommandOptions.Switch(
        "--stop", "Stop the process for a moment, instead of a prediction whether it can be stopped");

    public AccessCommand()
        : base("access", "Shows what this user can do with the memory of a process, why not, and what helps.",
            "memproc access 1234",
            "memproc access 1234 --ability pagemap --ability write --json | jq .remedy")
    {
        Arguments.Add(_process);
        Options.Add(_abilities);
        Options.Add(_stop);
    }

    protected override void Run(ParseResult parseResult, Output output, CancellationToken cancellation)
    {
        int id = parseResult.GetValue(_process);
        MemoryAbility[]? abilities = parseResult.GetValue(_abilities) is { Length: > 0 } some ? some : null;
        bool stop = parseResult.GetValue(_stop);
        if (stop)
        {
            output.WarnBeforeStop();
        }

        LinuxProcess process;
        try
        {
            process = LinuxProcess.Open(id);
        }
        catch (MemProcException error) when (AccessTester.IsHidden(error))
        {
            output.WriteTable(Columns, AccessTester.TestHidden(id, abilities));
            return;
        }

        using (process)
        {
            output.WriteTable(Columns, AccessTester.Test(process, abilities, stop, cancellation));
        }
    }
}

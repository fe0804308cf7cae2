using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace MemProc.Cli;

/// <summary>Writes the default help, followed by the examples of the command.</summary>
/// <param name="defaultAction">The default help.</param>
internal sealed class ExampleHelpAction(HelpAction defaultAction) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        int code = defaultAction.Invoke(parseResult);
        if (parseResult.CommandResult.Command is CliCommand { Examples: { Count: > 0 } examples })
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine(examples.Count == 1 ? "Example:" : "Examples:");
            foreach (string example in examples)
            {
                output.WriteLine($"  {example}");
            }

            output.WriteLine();
        }

        return code;
    }
}

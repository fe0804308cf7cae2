using System.Reflection;
using System.Runtime.Loader;

namespace MemProc.Tests;

/// <summary>Gives every option and argument of memproc values that make no sense.</summary>
public sealed class MemprocArgumentTests
{
    private static readonly string[] Values =
    [
        "", " ", "-1", "1.5", "NaN", "1e300", "99999999999999999999", "18446744073709551615", "0x", "0xffffffffffffffff", "..", "5..1",
        "0..18446744073709551615", "[a", "[]*?", "nonsense", "\u001b[31m\u202e", "\ud800", "--", "-", "=", "=x", "{}", "/", "16E",
        "999999999999T", new string('(', 5000), new string('9', 5000), new string('x', 100_000),
    ];

    [Fact]
    public void Parsers_of_all_options_report_errors_and_throw_nothing()
    {
        dynamic root = Root(Programs.Memproc);
        int errors = 0, parsed = 0;
        foreach (string[] line in Lines(root, Array.Empty<string>()))
        {
            foreach (string value in Values)
            {
                dynamic result = root.Parse((IReadOnlyList<string>)line.Append(value).ToArray(), null);
                errors += ((System.Collections.ICollection)result.Errors).Count;
                parsed++;
            }
        }

        Assert.InRange(parsed, 2000, 100_000);
        Assert.InRange(errors, 1000, int.MaxValue);
    }

    /// <summary>Returns each command with each of its options, and with each number of arguments.</summary>
    private static IEnumerable<string[]> Lines(dynamic command, string[] before)
    {
        foreach (dynamic subcommand in command.Subcommands)
        {
            foreach (string[] line in Lines(subcommand, before.Append((string)subcommand.Name).ToArray()))
            {
                yield return line;
            }
        }

        foreach (dynamic option in command.Options)
        {
            yield return [.. before, "1", (string)option.Name];
        }

        string[] arguments = before;
        foreach (dynamic _ in command.Arguments)
        {
            yield return arguments;
            arguments = [.. arguments, "1"];
        }
    }

    private static object Root(string assembly)
    {
        string folder = Path.GetDirectoryName(assembly)!;
        AssemblyLoadContext context = new("memproc");
        context.Resolving += (loader, name) =>
            File.Exists($"{folder}/{name.Name}.dll") ? loader.LoadFromAssemblyPath($"{folder}/{name.Name}.dll") : null;
        return context.LoadFromAssemblyPath(assembly).GetType("MemProc.Cli.CommandLine")!
            .GetMethod("Root", BindingFlags.Static | BindingFlags.NonPublic)!.Invoke(null, null)!;
    }
}

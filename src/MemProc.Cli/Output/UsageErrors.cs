using System.CommandLine;

namespace MemProc.Cli;

/// <summary>Writes what is wrong with a command line.</summary>
internal static class UsageErrors
{
    /// <summary>Writes the faults, and how to get help.</summary>
    /// <param name="faults">What is wrong.</param>
    /// <param name="command">The command whose arguments are wrong.</param>
    public static void Write(IEnumerable<string> faults, Command command)
    {
        foreach (string fault in faults)
        {
            Console.Error.WriteLine($"memproc: {SafeText.Escape(fault)}");
        }

        string name = command.Parents.OfType<Command>().FirstOrDefault() switch
        {
            null => "memproc",
            RootCommand => $"memproc {command.Name}",
            Command parent => $"memproc {parent.Name} {command.Name}",
        };
        Console.Error.WriteLine($"Try '{name} --help'.");
    }
}

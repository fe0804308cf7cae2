using System.Text;

namespace MemProc.Target;

/// <summary>
/// The target process of the tests. It reads one command per line from standard input and replies with exactly one
/// line, <c>ok key=value …</c> or <c>error message</c>. It exits at <c>exit</c> or at the end of the input.
/// <see cref="CommandTable"/> lists the commands.
/// </summary>
internal static class Program
{
    private static int Main()
    {
        UTF8Encoding encoding = new(encoderShouldEmitUTF8Identifier: false);
        using StreamReader input = new(Console.OpenStandardInput(), encoding);
        using StreamWriter output = new(Console.OpenStandardOutput(), encoding) { AutoFlush = true };
        CommandTable commands = new();

        output.WriteLine($"ready pid={Environment.ProcessId}");
        while (input.ReadLine() is { } line)
        {
            output.WriteLine(commands.Answer(line));
            if (line == CommandTable.Exit)
            {
                break;
            }
        }

        return 0;
    }
}

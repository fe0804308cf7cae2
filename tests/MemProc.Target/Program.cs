using System.Text;

namespace MemProc.Target;

/// <summary>
/// The process that the tests look into. It reads one command a line from standard input and answers each with
/// exactly one line, <c>ok key=value …</c> or <c>error message</c>; it ends at <c>exit</c> or when the input ends.
/// The commands are in <see cref="CommandTable"/>.
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

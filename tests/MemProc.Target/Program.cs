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
        if (!Run(commands, input, output))
        {
            new Thread(() => RunAlone(commands, input, output)).Start();
            Native.ExitThread();
        }

        return 0;
    }

    /// <summary>Answers commands until the process or this thread has to exit.</summary>
    /// <returns>False where only this thread exits.</returns>
    private static bool Run(CommandTable commands, StreamReader input, StreamWriter output)
    {
        while (input.ReadLine() is { } line)
        {
            if (line == CommandTable.Leave)
            {
                return false;
            }

            output.WriteLine(commands.Answer(line));
            if (line == CommandTable.Exit)
            {
                break;
            }
        }

        return true;
    }

    /// <summary>Answers commands on another thread, once the main thread has exited.</summary>
    private static void RunAlone(CommandTable commands, StreamReader input, StreamWriter output)
    {
        while (!File.ReadAllText($"/proc/{Environment.ProcessId}/stat").Contains(") Z ", StringComparison.Ordinal))
        {
            Thread.Yield();
        }

        output.WriteLine("ok");
        Run(commands, input, output);
        Native.ExitProcess();
    }
}

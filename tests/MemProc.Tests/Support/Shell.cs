using System.Diagnostics;

namespace MemProc.Tests;

/// <summary>Runs programs of the system whose output a test compares with.</summary>
internal static class Shell
{
    /// <summary>Runs a program until it exits.</summary>
    /// <returns>Its standard output.</returns>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Run(string program, params string[] arguments)
    {
        (int exitCode, string output, string errors) = Try(program, arguments);
        return exitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {exitCode}\n{errors}");
    }

    /// <summary>Runs a program until it exits, with any exit code.</summary>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="input">Its standard input.</param>
    public static (int ExitCode, string Output, string Errors) Try(
        string program, string[] arguments, string input = "") => Try(program, arguments, out _, input);

    /// <inheritdoc cref="Try(string, string[], string)"/>
    /// <param name="program">Its path.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="processId">Its process id.</param>
    /// <param name="input">Its standard input.</param>
    public static (int ExitCode, string Output, string Errors) Try(
        string program, string[] arguments, out int processId, string input = "")
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        processId = process.Id;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.GetAwaiter().GetResult());
    }
}

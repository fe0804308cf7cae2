namespace MemProc.Cli;

/// <summary><c>memproc</c>: MemProc for machines without PowerShell.</summary>
internal static class Program
{
    private static int Main(string[] arguments) => CommandLine.Run(arguments);
}

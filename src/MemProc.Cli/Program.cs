namespace MemProc.Cli;

/// <summary>The program <c>memproc</c>, for machines without PowerShell.</summary>
internal static class Program
{
    private static int Main(string[] arguments) => CommandLine.Run(arguments);
}

namespace MemProc.Bench;

/// <summary>The bench: <c>dotnet run -c Release --project bench -- [case…]</c>.</summary>
internal static class Program
{
    private static int Main(string[] arguments) => CommandLine.Run(arguments);
}

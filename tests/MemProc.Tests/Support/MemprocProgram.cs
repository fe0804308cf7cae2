namespace MemProc.Tests;

/// <summary>The memproc that the tests start: the assembly that is built with them.</summary>
internal static class MemprocProgram
{
    /// <summary>Its path.</summary>
    public static string Path { get; } = Programs.Remembered("MemprocProgram");

    /// <summary>The program that starts it.</summary>
    public static string Host => DotnetHost.Path;
}

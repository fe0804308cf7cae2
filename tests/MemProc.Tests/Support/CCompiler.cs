namespace MemProc.Tests;

/// <summary>gcc, as the judge of what a C program means here.</summary>
internal static class CCompiler
{
    /// <summary>Lets gcc check a program without making one.</summary>
    /// <returns>What it said against the program; empty where it is right.</returns>
    public static string Complaint(string program)
    {
        (int exitCode, _, string errors) = Shell.Try(
            Need.Tool("gcc"), ["-std=gnu11", "-Werror", "-fsyntax-only", "-x", "c", "-"], program);
        return exitCode == 0 ? "" : $"{errors}\n{program}";
    }
}

namespace MemProc.Tests;

/// <summary>gcc, as the judge of what a C program means here, and as the maker of files to read.</summary>
internal static class CCompiler
{
    /// <summary>Lets gcc check a program without making one.</summary>
    /// <returns>What it said against the program; empty where it is right.</returns>
    public static string CompileErrors(string program)
    {
        (int exitCode, _, string errors) = Shell.Try(
            Requires.Tool("gcc"), ["-std=gnu11", "-Werror", "-fsyntax-only", "-x", "c", "-"], program);
        return exitCode == 0 ? "" : $"{errors}\n{program}";
    }

    /// <summary>Makes a file; where the compiler or a library that it needs is missing, the test is skipped.</summary>
    /// <param name="output">The file's path.</param>
    /// <param name="program">In the language that the options say.</param>
    /// <param name="options">Which compiler, and how: <c>gcc -shared -x c</c>.</param>
    /// <returns>The file's path.</returns>
    public static string Build(string output, string program, params string[] options)
    {
        (int exitCode, _, string errors) = Shell.Try(
            Requires.Tool(options[0]), [.. options[1..], "-o", output, "-"], program);
        Assert.SkipUnless(exitCode == 0, $"needs {string.Join(' ', options)} to work: {errors}");
        return output;
    }
}

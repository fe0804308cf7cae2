namespace MemProc.Tests;

/// <summary>Compiles C programs with gcc: to check them, or to make files for the tests.</summary>
internal static class CCompiler
{
    /// <summary>Checks a program with gcc without an output file.</summary>
    /// <returns>The errors; empty if the program is correct.</returns>
    public static string CompileErrors(string program)
    {
        (int exitCode, _, string errors) = Shell.Try(
            Requires.Tool("gcc"), ["-std=gnu11", "-Werror", "-fsyntax-only", "-x", "c", "-"], program);
        return exitCode == 0 ? "" : $"{errors}\n{program}";
    }

    /// <summary>Compiles a file; skips the test if the compiler or a library that it needs is missing.</summary>
    /// <param name="output">The file's path.</param>
    /// <param name="program">The source, in the language of the options.</param>
    /// <param name="options">The compiler and its options, such as <c>gcc -shared -x c</c>.</param>
    /// <returns>The file's path.</returns>
    public static string Build(string output, string program, params string[] options)
    {
        (int exitCode, _, string errors) = Shell.Try(
            Requires.Tool(options[0]), [.. options[1..], "-o", output, "-"], program);
        Assert.SkipUnless(exitCode == 0, $"needs {string.Join(' ', options)} to work: {errors}");
        return output;
    }
}

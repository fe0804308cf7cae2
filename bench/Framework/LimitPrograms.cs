namespace MemProc.Bench;

/// <summary>Our own C programs that do the least possible work (<c>limits/</c>), compiled when needed.</summary>
internal static class LimitPrograms
{
    private static readonly string Sources = Path.Combine(Programs.Remembered("RepoRoot"), "bench", "limits");
    private static readonly string Built = Path.Combine(Programs.Remembered("RepoRoot"), "bench", "obj", "limits");
    private static readonly HashSet<string> Ready = [];

    /// <summary>Why there are none; null where they can be compiled.</summary>
    public static string? Missing { get; } = Tools.Find("gcc") is null ? "gcc is not on PATH" : null;

    /// <summary>The path of a program, compiled with <c>gcc -O2</c>.</summary>
    /// <param name="name">The name of its source, without <c>.c</c>.</param>
    /// <exception cref="SkippedException">There is no gcc.</exception>
    public static string Program(string name)
    {
        string program = Path.Combine(Built, name);
        if (Ready.Add(name))
        {
            string gcc = Tools.Find("gcc") ?? throw new SkippedException(Missing!);
            Directory.CreateDirectory(Built);
            Shell.Run(gcc, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program,
                Path.Combine(Sources, $"{name}.c"));
        }

        return program;
    }
}

using System.Reflection;

namespace MemProc.Tests;

/// <summary>The programs that are built along with the tests.</summary>
internal static class Programs
{
    private static readonly Lock Copying = new();
    private static readonly Dictionary<string, string> Copies = [];

    /// <summary>The process that tests look into.</summary>
    public static string Target { get; } = Remembered("TargetProgram");

    /// <summary>The command line.</summary>
    public static string Memproc { get; } = Remembered("MemprocProgram");

    /// <summary>What the build wrote down about itself.</summary>
    public static string Remembered(string key) => typeof(Programs).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;

    /// <summary>
    /// The same program where every user can read it: in a copy that lives as long as the tests, as the repository
    /// may be in a folder that is closed to others.
    /// </summary>
    public static string MakeWorldReadable(string program)
    {
        lock (Copying)
        {
            if (!Copies.TryGetValue(program, out string? copy))
            {
                TemporaryFolder folder = new();
                AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
                foreach (string file in Directory.GetFiles(Path.GetDirectoryName(program)!))
                {
                    folder.File(Path.GetFileName(file), File.ReadAllBytes(file));
                }

                copy = Path.Combine(folder.Path, Path.GetFileName(program));
                Copies.Add(program, copy);
            }

            return copy;
        }
    }
}

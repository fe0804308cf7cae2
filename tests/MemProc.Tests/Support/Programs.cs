using System.Reflection;

namespace MemProc.Tests;

/// <summary>The programs that are built with the tests.</summary>
internal static class Programs
{
    private static readonly Lock Copying = new();
    private static readonly Dictionary<string, string> Copies = [];

    /// <summary>Path of MemProc.Target.</summary>
    public static string Target { get; } = Remembered("TargetProgram");

    /// <summary>Path of memproc.</summary>
    public static string Memproc => MemprocProgram.Path;

    /// <summary>The program that starts memproc, with its path as the first argument.</summary>
    public static string MemprocHost => MemprocProgram.Host;

    /// <summary>Returns a value that the build has stored in the assembly's metadata.</summary>
    public static string Remembered(string key) => typeof(Programs).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;

    /// <summary>
    /// Returns the path of a copy that every user can read, since the repository may be in a folder that is closed to
    /// others. The copy exists as long as the tests run.
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
                    string target = Path.Combine(folder.Path, Path.GetFileName(file));
                    File.Copy(file, target);
                    File.SetUnixFileMode(target, File.GetUnixFileMode(file)
                        | UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
                }

                copy = Path.Combine(folder.Path, Path.GetFileName(program));
                Copies.Add(program, copy);
            }

            return copy;
        }
    }
}

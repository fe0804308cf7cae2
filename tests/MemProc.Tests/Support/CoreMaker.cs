namespace MemProc.Tests;

/// <summary>Makes cores of a process by MemProc, by gcore, and by the kernel.</summary>
internal static class CoreMaker
{
    /// <summary>Saves a core with MemProc, of the stopped process.</summary>
    public static string Save(LinuxProcess process, TemporaryFolder folder, bool compress = false)
    {
        string path = Path.Combine(folder.Path, compress ? "own.gz" : "own");
        MemorySaver.Save(process, null, path, new SaveOptions { Stop = true, Compress = compress }, _ => { }, CancellationToken.None);
        return path;
    }

    /// <summary>Saves a core with gcore; skips the test where there is none.</summary>
    public static string Gcore(int processId, TemporaryFolder folder)
    {
        string prefix = Path.Combine(folder.Path, "gcore");
        Shell.Run(Requires.Tool("gcore"), "-o", prefix, $"{processId}");
        return $"{prefix}.{processId}";
    }

    /// <summary>The command before a program that dumps core into a folder.</summary>
    public static string[] KernelPrefix(TemporaryFolder folder, string filter = "0x33") =>
        ["sh", "-c", $"cd {folder.Path} && ulimit -c unlimited && echo {filter} > /proc/self/coredump_filter && exec \"$@\"", "sh"];

    /// <summary>
    /// Has the kernel dump a process that is stopped, before it runs again; skips the test where cores are not written into the
    /// working folder.
    /// </summary>
    public static string Kernel(TargetProcess target, TemporaryFolder folder, SuspendedProcess stopped)
    {
        RequirePattern();
        // The runtime does not handle SIGXCPU.
        Shell.Run("sh", "-c", $"kill -XCPU {target.ProcessId}");
        stopped.Dispose();
        Assert.True(SpinWait.SpinUntil(() => target.HasExited, TimeSpan.FromSeconds(60)));
        return Written(folder);
    }

    /// <summary>
    /// Runs a program that ends by a signal, and returns the core that the kernel wrote; skips the test as
    /// <see cref="Kernel"/> does.
    /// </summary>
    public static string KernelOf(string program, TemporaryFolder folder, string filter)
    {
        RequirePattern();
        string[] command = [.. KernelPrefix(folder, filter), program];
        Shell.Try(command[0], command[1..]);
        return Written(folder);
    }

    private static void RequirePattern() => Assert.SkipUnless(
        File.ReadAllText("/proc/sys/kernel/core_pattern").Trim() == "core",
        "needs core_pattern 'core', so that the kernel writes into the working folder");

    private static string Written(TemporaryFolder folder)
    {
        string[] files = Directory.GetFiles(folder.Path, "core*");
        Assert.SkipUnless(files.Length == 1, "needs the right to dump core");
        return files[0];
    }
}

using System.Reflection;

namespace MemProc.Tests;

/// <summary>The programs that run in guests, where the build has put them.</summary>
internal static class GuestPrograms
{
    /// <summary>Path of MemProc.Tests.</summary>
    public static string Tests { get; } = Remembered("TestProgram");

    /// <summary>Path of MemProc.Target.</summary>
    public static string Target { get; } = Remembered("TargetProgram");

    /// <summary>Path of the native memproc.</summary>
    public static string Memproc { get; } = Remembered("NativeProgram");

    /// <summary>Path of memproc for .NET.</summary>
    public static string MemprocAssembly { get; } = Remembered("MemprocProgram");

    /// <summary>Path of PowerShell.</summary>
    public static string Pwsh { get; } = Remembered("PwshProgram");

    /// <summary>The folder of the repository.</summary>
    public static string Repository { get; } = Path.TrimEndingDirectorySeparator(Remembered("RepoRoot"));

    /// <summary>The folder with the scripts of the guests.</summary>
    public static string Scripts { get; } = Path.Combine(Repository, "tests", "Guest");

    private static string Remembered(string key) => typeof(GuestPrograms).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;
}

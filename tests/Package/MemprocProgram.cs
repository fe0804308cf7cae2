namespace MemProc.Tests;

/// <summary>The memproc that the tests start: the native program.</summary>
internal static class MemprocProgram
{
    private static readonly string Program = Programs.Remembered("NativeProgram");

    /// <summary>The reason why it could not be published; null where it was.</summary>
    public static string? MissingReason { get; } = File.Exists(Programs.Remembered("NativeReason"))
        ? File.ReadAllText(Programs.Remembered("NativeReason")).Trim()
        : null;

    /// <summary>Its path. Without the native program, the test is skipped.</summary>
    public static string Path
    {
        get
        {
            Assert.SkipWhen(MissingReason is not null, MissingReason ?? string.Empty);
            return Program;
        }
    }

    /// <summary>The program that starts it. It becomes the program that its first argument names.</summary>
    public static string Host => "/usr/bin/env";
}
